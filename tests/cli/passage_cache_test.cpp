// SPDX-License-Identifier: Apache-2.0
#include "cli/passage_cache.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "cli/model_identity.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace modelpool::cli;
using modelpool::test::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kHeader = 60;
constexpr std::size_t kRecord = 16 + 2 * 4 + 8;  // of two numbers
using Numbers = std::vector<float>;

std::string hex(const Sha256Digest& digest) {
  std::string text;
  for (const auto byte : digest) text += std::string{"0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15]};
  return text;
}

std::string sha256(std::string_view text) {
  Sha256 hash;
  hash.add(text);
  return hex(hash.finish());
}

std::string identity(const fs::path& folder) {
  Sha256 hash;
  add_model_files(hash, folder);
  return hex(hash.finish());
}

std::string contents(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// A cache of two numbers for each passage, with a log in a file.
class Caches {
 public:
  PassageCache open(std::size_t most_bytes = PassageCache::kMostBytes) {
    return {{.file = file(), .model = model, .dimension = 2}, log_, most_bytes};
  }
  Numbers find(const PassageCache& cache, std::string_view text) {
    Numbers numbers(2);
    return cache.find(passage_key(text), numbers) ? numbers : Numbers{};
  }
  void save(const std::vector<std::string>& texts, const Numbers& numbers,
            std::size_t most_bytes = PassageCache::kMostBytes) {
    std::vector<PassageKey> keys;
    for (const auto& text : texts) keys.push_back(passage_key(text));
    open(most_bytes).save(keys, numbers);
  }
  [[nodiscard]] fs::path file() const { return folder.path() / "below" / "it.passages"; }
  [[nodiscard]] std::string told() const {
    std::string text(std::size_t{1} << 20, '\0');
    const auto size = ::pread(fd_, text.data(), text.size(), 0);
    return text.substr(0, static_cast<std::size_t>(size));
  }
  void write(std::string_view bytes) const { folder.write("below/it.passages", bytes); }

  TemporaryFolder folder;
  Sha256Digest model{1, 2, 3};

 private:
  std::FILE* stream_ = std::tmpfile();
  int fd_ = ::fileno(stream_);
  Log log_{fd_, LogLevel::info};
};

}  // namespace

TEST_CASE("SHA-256 gives the digests of FIPS 180-4's examples", "[cli][cache]") {
  CHECK(sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(sha256(std::string(1'000'000, 'a')) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("what was saved is found by the next run, exactly", "[cli][cache]") {
  Caches caches;
  caches.save({"one", "two"}, {1.5F, -2.0F, 0.1F, 1e-30F});
  const auto cache = caches.open();
  CHECK(caches.find(cache, "one") == Numbers{1.5F, -2.0F});
  CHECK(caches.find(cache, "two") == Numbers{0.1F, 1e-30F});
  CHECK(caches.find(cache, "three").empty());
  CHECK(caches.told().empty());
  CHECK(fs::file_size(caches.file()) == kHeader + 2 * kRecord);
  CHECK(fs::status(caches.file()).permissions() == (fs::perms::owner_read | fs::perms::owner_write));
}

TEST_CASE("passages of earlier runs stay while there is room", "[cli][cache]") {
  Caches caches;
  caches.save({"one"}, {1, 1});
  caches.save({"two"}, {2, 2});
  CHECK(caches.find(caches.open(), "one") == Numbers{1, 1});
  CHECK(caches.find(caches.open(), "two") == Numbers{2, 2});
  caches.save({"three"}, {3, 3}, kHeader + 2 * kRecord);
  CHECK(fs::file_size(caches.file()) == kHeader + 2 * kRecord);
  CHECK(caches.find(caches.open(), "three") == Numbers{3, 3});
  caches.save({"four", "five"}, {4, 4, 5, 5}, kHeader);  // what the run itself uses stays in any case
  CHECK(fs::file_size(caches.file()) == kHeader + 2 * kRecord);
  CHECK(caches.find(caches.open(), "five") == Numbers{5, 5});
}

TEST_CASE("the cache of another model is ignored and replaced", "[cli][cache]") {
  Caches caches;
  caches.save({"one"}, {1, 1});
  caches.model[31] = 1;
  CHECK(caches.find(caches.open(), "one").empty());
  CHECK(caches.told().find("another version of the model") != std::string::npos);
  caches.save({"one"}, {2, 2});
  CHECK(caches.find(caches.open(), "one") == Numbers{2, 2});
  CHECK(fs::file_size(caches.file()) == kHeader + kRecord);
}

TEST_CASE("a cache file cut at any byte gives what is intact or nothing", "[cli][cache]") {
  Caches caches;
  caches.save({"one", "two"}, {1, 1, 2, 2});
  const auto whole = contents(caches.file());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    caches.write(whole.substr(0, size));
    const auto cache = caches.open();
    const bool has_first = size == kHeader + kRecord;
    CHECK(caches.find(cache, "one") == (has_first ? Numbers{1, 1} : Numbers{}));
    CHECK(caches.find(cache, "two").empty());
  }
  CHECK(caches.told().find("its end is missing") != std::string::npos);
  CHECK(caches.told().find("it is damaged") != std::string::npos);
}

TEST_CASE("a cache file with any byte changed never gives other numbers", "[cli][cache]") {
  Caches caches;
  caches.save({"one", "two"}, {1, 1, 2, 2});
  const auto whole = contents(caches.file());
  for (std::size_t at = 0; at < whole.size(); ++at) {
    auto changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 4);
    caches.write(changed);
    const auto cache = caches.open();
    const bool first_is_hit = at >= kHeader && at < kHeader + kRecord;
    CHECK(caches.find(cache, "one") == (at < kHeader + kRecord ? Numbers{} : Numbers{1, 1}));
    CHECK(caches.find(cache, "two") == (first_is_hit ? Numbers{2, 2} : Numbers{}));
  }
  CHECK(caches.told().find(": 1 damaged") != std::string::npos);
}

TEST_CASE("a cache that cannot be read or written is told and otherwise of no consequence", "[cli][cache]") {
  Caches caches;
  fs::create_directories(caches.file());  // a folder where the file should be
  caches.save({"one"}, {1, 1});
  CHECK(caches.find(caches.open(), "one").empty());
  CHECK(caches.told().find("cannot read " + caches.file().string()) != std::string::npos);
  CHECK(caches.told().find("cannot write " + caches.file().string()) != std::string::npos);
  const auto entries = fs::directory_iterator(caches.file().parent_path());
  CHECK(std::distance(fs::begin(entries), fs::end(entries)) == 1);  // no temporary file stayed behind
}

TEST_CASE("the cache is in XDG_CACHE_HOME or below HOME, else nowhere", "[cli][cache]") {
  const auto folder = [](std::optional<std::string> cache, std::optional<std::string> home) {
    return search_cache_folder([=](std::string_view name) { return name == "HOME" ? home : cache; });
  };
  CHECK(folder("/c", "/h") == "/c/modelpool/search");
  CHECK(folder("", "/h") == "/h/.cache/modelpool/search");
  CHECK(folder("relative", "/h") == "/h/.cache/modelpool/search");
  CHECK(folder({}, {}) == std::nullopt);
}

TEST_CASE("any change of a model folder gives another identity", "[cli][cache]") {
  TemporaryFolder folder;
  folder.write("config.json", "{}");
  folder.write("1_Pooling/config.json", "{}");
  const auto weights = folder.write("model.safetensors", std::string(2 << 20, 'w'));
  const auto before = identity(folder.path());
  CHECK(identity(folder.path()) == before);
  folder.write("1_Pooling/config.json", "{ }");
  const auto other_pooling = identity(folder.path());
  CHECK(other_pooling != before);
  const auto time = fs::last_write_time(weights);
  ::usleep(20'000);  // longer than a tick of the file system's clock
  folder.write("model.safetensors", std::string(2 << 20, 'v'));
  fs::last_write_time(weights, time);
  CHECK(identity(folder.path()) != other_pooling);
}
