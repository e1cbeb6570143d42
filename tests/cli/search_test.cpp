// SPDX-License-Identifier: Apache-2.0
// `modelpool search` as a process. The model has random weights: it finds a passage by its own words, not by meaning.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "process.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace modelpool::test;
using Json = nlohmann::json;
namespace fs = std::filesystem;

namespace {

const std::string kModel = data("tiny_bert");

/// The model without its prompts, which would come between a question and the same words in a passage.
std::string model_without_prompts(const TemporaryFolder& folder) {
  fs::copy(kModel, folder.path(), fs::copy_options::recursive);
  fs::remove(folder.path() / "config_sentence_transformers.json");
  return folder.path().string();
}

std::vector<std::string> search(const TemporaryFolder& folder, std::vector<std::string> more,
                                const std::string& model = kModel) {
  more.insert(more.begin(), {"search", "--model", model, "--index", folder.path().string()});
  return more;
}

void write_pages(const TemporaryFolder& folder) {
  folder.write("a.md", "the cat sits on the mat\n");
  folder.write("b.md", "\n\na lease gives back its instance\n");
  folder.write("c/d.txt", "who waits for a free thread\n");
  folder.write(".hidden.md", "the cat sits on the mat\n");
  folder.write("c/binary", std::string_view("\0\1\2\3", 4));
}

std::vector<Json> rows_of(const std::string& out) {
  std::vector<Json> rows;
  for (const auto& line : lines_of(out)) rows.push_back(Json::parse(line));
  return rows;
}

}  // namespace

TEST_CASE("search prints the best passages of each question, best first", "[cli][search]") {
  TemporaryFolder folder;
  write_pages(folder);
  TemporaryFolder model;
  const auto r =
      run(search(folder, {"--json", "--top-k", "2", "--", "a lease gives back its instance", "the cat sits on the mat"},
                 model_without_prompts(model)));
  INFO(r.err);
  REQUIRE(r.code == 0);
  const auto rows = rows_of(r.out);
  REQUIRE(rows.size() == 4);
  for (const auto& row : rows) CHECK(row.size() == 6);
  CHECK(rows[0]["query"] == "a lease gives back its instance");
  CHECK(rows[0]["rank"] == 1);
  CHECK(rows[0]["file"] == (folder.path() / "b.md").string());
  CHECK(rows[0]["line"] == 3);
  CHECK(rows[0]["text"] == "a lease gives back its instance");
  CHECK(rows[0]["score"].get<double>() <= 1.00001);
  CHECK(rows[0]["score"].get<double>() >= rows[1]["score"].get<double>());
  CHECK(rows[1]["rank"] == 2);
  CHECK(rows[2]["query"] == "the cat sits on the mat");
}

TEST_CASE("questions get the folder's prompt for questions", "[cli][search]") {
  TemporaryFolder folder;
  folder.write("a.md", "the cat sits on the mat\n");
  TemporaryFolder model;
  const auto score = [&](const std::string& from, const std::string& question) {
    return rows_of(run(search(folder, {"--json", "--", question}, from)).out).at(0)["score"].get<double>();
  };
  const auto without = model_without_prompts(model);
  CHECK(score(kModel, "the cat") == Approx(score(without, "question: the cat")).margin(1e-5));
  CHECK(std::abs(score(kModel, "the cat") - score(without, "the cat")) > 1e-3);
}

TEST_CASE("a search gives the same passages in the same order each time", "[cli][search]") {
  TemporaryFolder folder;
  write_pages(folder);
  for (int i = 0; i < 60; ++i) folder.write("same/" + std::to_string(i) + ".txt", "two texts of equal words\n");
  const auto once =
      run(search(folder, {"--json", "--top-k", "70", "--pool-size", "3", "--threads", "1", "--", "equal words"}));
  REQUIRE(once.code == 0);
  CHECK(lines_of(once.out).size() == 63);
  std::vector<std::string> files;
  for (const auto& row :
       rows_of(run(search(folder, {"--json", "--top-k", "70", "--pool-size", "2", "--", "equal words"})).out))
    files.push_back(row["file"]);
  std::vector<std::string> before;
  for (const auto& row : rows_of(once.out)) before.push_back(row["file"]);
  CHECK(files == before);
}

TEST_CASE("questions come from a file too, and a bad one fails alone", "[cli][search]") {
  TemporaryFolder folder;
  write_pages(folder);
  const auto r = run(search(folder, {"--json", "--top-k", "1", "--input", "-"}), {.input = "the cat\n\xff\nthe mat\n"});
  CHECK(r.code == 1);
  const auto rows = rows_of(r.out);
  REQUIRE(rows.size() == 3);
  CHECK(rows[1]["index"] == 1);
  CHECK(rows[1]["error"]["code"] == "invalid_input");
  CHECK(rows[2]["query"] == "the mat");
}

TEST_CASE("a question may say how many passages it wants", "[cli][search]") {
  TemporaryFolder folder;
  write_pages(folder);
  const auto r = run(search(folder, {"--json", "--input-format", "jsonl", "--input", "-"}),
                     {.input = "{\"text\":\"the cat\",\"top_k\":1}\n{\"text\":\"x\",\"dimensions\":2}\n\"the mat\"\n"});
  CHECK(r.code == 1);
  const auto rows = rows_of(r.out);
  REQUIRE(rows.size() == 5);  // one, an error, and all three passages
  CHECK(rows[0]["query"] == "the cat");
  CHECK(rows[1]["error"]["code"] == "invalid_options");
  CHECK(rows[2]["query"] == "the mat");
}

TEST_CASE("people see question, place, section and passage", "[cli][search]") {
  TemporaryFolder folder;
  folder.write("a.md", "# Cats\n\nthe cat sits on the mat\n");
  const auto r = run(search(folder, {"--", "the cat"}));
  INFO(r.err);
  REQUIRE(r.code == 0);
  CHECK(r.out.starts_with("the cat\n"));
  CHECK(r.out.find("a.md:3  Cats  (score ") != std::string::npos);
  CHECK(r.out.find("\n    the cat sits on the mat\n") != std::string::npos);
  CHECK(r.out.find('\x1b') == std::string::npos);
}

TEST_CASE("an index that is not there, or holds no text, ends the search", "[cli][search]") {
  TemporaryFolder folder;
  const auto empty = run(search(folder, {"--", "x"}));
  CHECK(empty.code == 2);
  CHECK(empty.err.find("there is no text in it") != std::string::npos);
  const auto absent = run({"search", "--model", kModel, "--index", "/no/such/file", "--", "x"});
  CHECK(absent.code == 2);
  CHECK(absent.err.find("/no/such/file") != std::string::npos);
  CHECK(absent.err.find("put -- before the questions") != std::string::npos);
}
