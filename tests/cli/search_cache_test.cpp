// SPDX-License-Identifier: Apache-2.0
// What `modelpool search` keeps from run to run.
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "process.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace modelpool::test;
namespace fs = std::filesystem;

namespace {

/// A folder of pages, and an empty cache of its own.
struct Searches {
  TemporaryFolder pages = {};
  TemporaryFolder cache = {};
  std::string model = data("tiny_bert");

  Searches() {
    pages.write("a.txt", "the cat sits on the mat\n");
    pages.write("b.txt", "a lease gives back its instance\n");
    pages.write("c.txt", "who waits for a free thread\n");
    pages.write("same.txt", "who waits for a free thread\n");
  }

  [[nodiscard]] ProcessResult run(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments{"search", "--model", model, "--index", pages.path().string(), "--json"};
    arguments.insert(arguments.end(), {"--log-level", "info"});
    arguments.insert(arguments.end(), more.begin(), more.end());
    arguments.insert(arguments.end(), {"--", "the cat"});
    const auto result = modelpool::test::run(arguments, {.variables = {{"XDG_CACHE_HOME", cache.path().string()}}});
    INFO(result.err);
    CHECK(result.code == 0);
    return result;
  }

  [[nodiscard]] std::vector<fs::path> files() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(cache.path()))
      if (entry.is_regular_file()) files.push_back(entry.path());
    return files;
  }
};

bool says(const ProcessResult& result, std::string_view text) { return result.err.find(text) != std::string::npos; }

}  // namespace

TEST_CASE("a second search embeds no passage again and prints the same", "[cli][search][cache]") {
  const Searches searches;
  const auto first = searches.run();
  CHECK(says(first, "0 of 3 passages from the cache " + searches.cache.path().string() + "/modelpool/search/"));
  const auto second = searches.run();
  CHECK(says(second, "3 of 3 passages from the cache"));
  CHECK(second.out == first.out);
  CHECK(searches.run({"--no-cache"}).out == first.out);
  CHECK(searches.files().size() == 1);
}

TEST_CASE("after a change only the changed passages are embedded", "[cli][search][cache]") {
  const Searches searches;
  const auto before = searches.run();
  searches.pages.write("b.txt", "the cat sits on the cat\n");
  const auto changed = searches.run();
  CHECK(says(changed, "2 of 3 passages from the cache"));
  CHECK(changed.out.find("the cat sits on the cat") != std::string::npos);
  CHECK(says(searches.run(), "3 of 3 passages from the cache"));
  searches.pages.write("b.txt", "a lease gives back its instance\n");
  const auto back = searches.run();
  CHECK(says(back, "3 of 3 passages from the cache"));
  CHECK(back.out == before.out);
}

TEST_CASE("a damaged cache is ignored and written anew", "[cli][search][cache]") {
  const Searches searches;
  const auto first = searches.run();
  const auto file = searches.files().at(0);
  fs::resize_file(file, fs::file_size(file) - 3);
  const auto cut = searches.run();
  CHECK(says(cut, "its end is missing"));
  CHECK(says(cut, "0 of 3 passages from the cache"));
  CHECK(cut.out == first.out);
  CHECK(says(searches.run(), "3 of 3 passages from the cache"));
  std::ofstream(file) << "something else";
  const auto other = searches.run();
  CHECK(says(other, "it is damaged"));
  CHECK(other.out == first.out);
  CHECK(says(searches.run(), "3 of 3 passages from the cache"));
}

TEST_CASE("a pipe where the cache should be does not stop a search", "[cli][search][cache]") {
  const Searches searches;
  const auto first = searches.run();
  const auto file = searches.files().at(0);
  fs::remove(file);
  REQUIRE(::mkfifo(file.c_str(), 0600) == 0);
  CHECK(searches.run().out == first.out);
}

TEST_CASE("without a place for the cache a search works as with --no-cache", "[cli][search][cache]") {
  const Searches searches;
  const auto expected = searches.run({"--no-cache"});
  CHECK_FALSE(says(expected, "from the cache"));
  CHECK(searches.files().empty());
  searches.cache.write("modelpool", "a file where the folder should be");
  const auto blocked = searches.run();
  CHECK(blocked.out == expected.out);
  CHECK(says(blocked, "cannot write"));
  const auto nowhere = run({"search", "--model", searches.model, "--index", searches.pages.path().string(), "--json",
                            "--log-level", "info", "--", "the cat"},
                           {.variables = {{"XDG_CACHE_HOME", ""}, {"HOME", ""}}});
  CHECK(nowhere.code == 0);
  CHECK(nowhere.out == expected.out);
  CHECK(says(nowhere, "neither XDG_CACHE_HOME nor HOME names a folder"));
}

TEST_CASE("a changed model embeds all passages again", "[cli][search][cache]") {
  Searches searches;
  const TemporaryFolder model;
  fs::copy(data("tiny_bert"), model.path(), fs::copy_options::recursive);
  searches.model = model.path().string();
  CHECK(says(searches.run(), "0 of 3 passages from the cache"));
  CHECK(says(searches.run(), "3 of 3 passages from the cache"));
  fs::remove(model.path() / "config_sentence_transformers.json");  // and with it the prompts
  const auto changed = searches.run();
  CHECK(says(changed, "0 of 3 passages from the cache"));
  CHECK(changed.out == searches.run({"--no-cache"}).out);
  CHECK(searches.files().size() == 1);
}

TEST_CASE("searches beside each other share a cache", "[cli][search][cache]") {
  const Searches searches;
  const std::vector<std::string> arguments{
      "search", "--model", searches.model, "--index", searches.pages.path().string(), "--json", "--", "the cat"};
  const ProcessOptions options{.variables = {{"XDG_CACHE_HOME", searches.cache.path().string()}}};
  Process one(arguments, options);
  Process other(arguments, options);
  const auto first = one.wait();
  const auto second = other.wait();
  CHECK(first.code == 0);
  CHECK(second.code == 0);
  CHECK(first.out == second.out);
  const auto third = searches.run();
  CHECK(says(third, "3 of 3 passages from the cache"));
  CHECK(third.out == first.out);
  CHECK(searches.files().size() == 1);
}
