// SPDX-License-Identifier: Apache-2.0
#include "modelpool/tokenizers/tokenizer.hpp"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "modelpool/error.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace modelpool;
using Ids = std::vector<std::int32_t>;
using Offset = std::pair<std::uint32_t, std::uint32_t>;

namespace {

constexpr const char* kVocab = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhello\nworld\n##s\n!\n##x\n";

std::shared_ptr<const Tokenizer> small_tokenizer() {
  const test::TemporaryFolder folder;
  folder.write("vocab.txt", kVocab);
  return Tokenizer::from_folder(folder.path());
}

std::shared_ptr<const Tokenizer> fixture(const std::string& name) {
  return Tokenizer::from_folder(std::string(MODELPOOL_TEST_DATA) + "/tokenizers/" + name);
}

}  // namespace

TEST_CASE("a folder with only vocab.txt is a lowercasing BERT tokenizer", "[tokenizer]") {
  const auto tokenizer = small_tokenizer();
  const Encoding encoding = tokenizer->encode("Hello WORLDS! xyz", {.with_offsets = true});
  CHECK(encoding.input_ids == Ids{2, 5, 6, 7, 8, 1, 3});
  CHECK(encoding.special_tokens_mask == std::vector<std::uint8_t>{1, 0, 0, 0, 0, 0, 1});
  CHECK(encoding.offsets == std::vector<Offset>{{0, 0}, {0, 5}, {6, 11}, {11, 12}, {12, 13}, {14, 17}, {0, 0}});
  CHECK(tokenizer->decode(encoding.input_ids, true) == "hello worlds!");
}

TEST_CASE("an empty text is its special tokens", "[tokenizer]") {
  const auto tokenizer = small_tokenizer();
  CHECK(tokenizer->encode("").input_ids == Ids{2, 3});
  CHECK(tokenizer->encode("", {.add_special_tokens = false}).size() == 0);
  CHECK(tokenizer->encode_pair("", "").input_ids == Ids{2, 3, 3});
  CHECK(tokenizer->encode_pair("", "").token_type_ids == Ids{0, 0, 1});
}

TEST_CASE("a limit cuts the text and keeps the special tokens, even where they are more", "[tokenizer]") {
  const auto tokenizer = small_tokenizer();
  CHECK(tokenizer->encode("hello hello hello", {.max_length = 4}).input_ids == Ids{2, 5, 5, 3});
  CHECK(tokenizer->encode("hello hello", {.max_length = 2}).input_ids == Ids{2, 3});
  CHECK(tokenizer->encode("hello hello", {.max_length = 0}).input_ids == Ids{2, 3});
  CHECK(tokenizer->encode("hello hello", {.add_special_tokens = false, .max_length = 1}).input_ids == Ids{5});
}

TEST_CASE("of a pair the longer text is cut first", "[tokenizer]") {
  const auto tokenizer = small_tokenizer();
  CHECK(tokenizer->encode_pair("hello", "world world world world", {.max_length = 6}).input_ids ==
        Ids{2, 5, 3, 6, 6, 3});
  CHECK(tokenizer->encode_pair("hello hello hello hello", "world", {.max_length = 6}).input_ids ==
        Ids{2, 5, 5, 3, 6, 3});
  CHECK(tokenizer->encode_pair("hello hello hello", "world world world", {.max_length = 6}).input_ids ==
        Ids{2, 5, 3, 6, 6, 3});
}

TEST_CASE("a NUL byte belongs to the text", "[tokenizer]") {
  const auto tokenizer = small_tokenizer();
  CHECK(tokenizer->encode(std::string("hel\0lo\0", 7)).input_ids == Ids{2, 5, 3});
  CHECK(fixture("unclean")->encode(std::string("a\0", 2), {.with_offsets = true}).offsets ==
        std::vector<Offset>{{0, 0}, {0, 2}, {0, 0}});
}

TEST_CASE("ten megabytes of text become tokens", "[tokenizer]") {
  const auto tokenizer = small_tokenizer();
  std::string text;
  while (text.size() < 10'000'000) text += "Hello w\xC3\xB6rld! ";
  const Encoding all = tokenizer->encode(text);
  CHECK(all.size() == 3 * (text.size() / 14) + 2);
  CHECK(tokenizer->encode(text, {.max_length = 256}).size() == 256);
  CHECK(tokenizer->encode(std::string(10'000'000, 'a')).input_ids == Ids{2, 1, 3});
}

TEST_CASE("words of any length are merged in time that grows with them", "[tokenizer]") {
  const std::string name = GENERATE("llama3", "byte-fallback", "suffix");
  CAPTURE(name);
  const auto tokenizer = fixture(name);
  std::string word;
  for (std::size_t i = 0; i < 300'000; ++i) word += static_cast<char>('a' + i * i % 7 * 3);
  const auto start = std::chrono::steady_clock::now();
  const Encoding encoding = tokenizer->encode(word, {.with_offsets = true});
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(20));  // squared it would be many minutes
  REQUIRE(encoding.size() > 1);
  CHECK(encoding.offsets.back().second == word.size());
}

TEST_CASE("a regular expression that takes too long on a text is an error, not a hang", "[tokenizer]") {
  const test::TemporaryFolder folder;
  folder.write("tokenizer.json", R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}, "pre_tokenizer":
      {"type": "Split", "pattern": {"Regex": "(a|aa)+b"}, "behavior": "Isolated", "invert": false}})");
  const auto tokenizer = Tokenizer::from_folder(folder.path());
  CHECK(tokenizer->encode("aaaa").size() == 4);
  CHECK_THROWS_AS(tokenizer->encode(std::string(100, 'a')), InvalidInput);
}

TEST_CASE("invalid UTF-8 is refused with the byte offset, in each text of a pair", "[tokenizer]") {
  const auto tokenizer = small_tokenizer();
  const auto offset_of = [](auto call) {
    try {
      call();
    } catch (const InvalidInput& error) {
      return error.byte_offset;
    }
    return std::optional<std::size_t>{};
  };
  CHECK(offset_of([&] { (void)tokenizer->encode("hello \xFF"); }) == 6U);
  CHECK(offset_of([&] { (void)tokenizer->encode_pair("hello", "\xC3\xA9\xED\xA0\x80"); }) == 2U);
  CHECK_THROWS_WITH(tokenizer->encode("hello \xFF"), "the text is not valid UTF-8 at byte 6; convert it to UTF-8");
}

TEST_CASE("an id outside the vocabulary is refused by decode", "[tokenizer]") {
  const auto tokenizer = small_tokenizer();
  const auto id = GENERATE(-1, 10, 2'147'483'647);
  CHECK_THROWS_WITH(tokenizer->decode(Ids{5, id}),
                    std::to_string(id) + " is not an id of this vocabulary of 10 tokens");
  CHECK_FALSE(tokenizer->id_to_token(id).has_value());
}

TEST_CASE("ids and tokens lead to one another", "[tokenizer]") {
  const auto tokenizer = small_tokenizer();
  CHECK(tokenizer->vocab_size() == 10);
  for (std::int32_t id = 0; id < 10; ++id) CHECK(tokenizer->token_to_id(*tokenizer->id_to_token(id)) == id);
  CHECK_FALSE(tokenizer->token_to_id("absent").has_value());
  CHECK(tokenizer->num_special_tokens() == 2);
}

TEST_CASE("an added token is shown in the form by which it is found", "[tokenizer]") {
  const auto tokenizer = fixture("added");
  const auto id = tokenizer->token_to_id("New York");
  REQUIRE(id.has_value());
  CHECK(tokenizer->id_to_token(*id) == "new york");
  CHECK(tokenizer->encode("NEW YORK", {.add_special_tokens = false}).input_ids == Ids{*id});
}

TEST_CASE("many threads encode with one tokenizer and get what one thread gets", "[tokenizer]") {
  const std::string name = GENERATE("uncased", "llama3");
  CAPTURE(name);
  const auto tokenizer = fixture(name);
  std::ifstream file(std::string(MODELPOOL_TEST_DATA) + "/tokenizers/" + name + "/expected.jsonl");
  std::vector<std::string> texts;
  for (std::string line; texts.size() < 60 && std::getline(file, line);) texts.push_back(line);
  REQUIRE(texts.size() == 60);
  std::vector<Ids> alone;
  for (const auto& text : texts) alone.push_back(tokenizer->encode(text).input_ids);
  std::atomic<int> different{0};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < texts.size(); ++i) {
        const std::size_t at = (i * 7 + t) % texts.size();
        const Encoding encoding = tokenizer->encode(texts[at], {.with_offsets = t % 2 == 0});
        if (encoding.input_ids != alone[at] || tokenizer->decode(encoding.input_ids).empty()) ++different;
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(different == 0);
}

TEST_CASE("the real MiniLM folder gives BERT's ids", "[tokenizer]") {
  const char* variable = std::getenv("MODELPOOL_MINILM_DIR");
  const std::string folder = variable ? variable : MODELPOOL_MINILM_DIR;
  if (folder.empty()) SKIP("neither the environment nor the build's MODELPOOL_MINILM_DIR names the model's folder");
  const auto tokenizer = Tokenizer::from_folder(folder);
  CHECK(tokenizer->vocab_size() == 30522);
  CHECK(tokenizer->model_max_length() == 512U);
  CHECK(tokenizer->encode("Hello, unaffable world!").input_ids ==
        Ids{101, 7592, 1010, 14477, 20961, 3468, 2088, 999, 102});
}
