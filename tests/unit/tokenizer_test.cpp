// SPDX-License-Identifier: Apache-2.0
#include "modelpool/tokenizers/tokenizer.hpp"

#include <string>

#include "modelpool/error.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace modelpool;
using test::TemporaryFolder;

namespace {

constexpr const char* kVocab = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhello\nworld\n##s\n!\n";

}  // namespace

TEST_CASE("a folder with only vocab.txt is a lowercasing BERT tokenizer", "[tokenizer]") {
  const TemporaryFolder folder;
  folder.write("vocab.txt", kVocab);
  const auto tokenizer = Tokenizer::from_folder(folder.path());
  const Encoding encoding = tokenizer->encode("Hello WORLDS! xyz", {.with_offsets = true});
  CHECK(encoding.input_ids == std::vector<std::int32_t>{2, 5, 6, 7, 8, 1, 3});
  CHECK(encoding.special_tokens_mask == std::vector<std::uint8_t>{1, 0, 0, 0, 0, 0, 1});
  CHECK(encoding.offsets[2] == std::pair<std::uint32_t, std::uint32_t>{6, 11});
  CHECK(tokenizer->decode(encoding.input_ids, true) == "hello worlds!");
}

TEST_CASE("invalid UTF-8 is refused with the byte offset", "[tokenizer]") {
  const TemporaryFolder folder;
  folder.write("vocab.txt", kVocab);
  const auto tokenizer = Tokenizer::from_folder(folder.path());
  try {
    (void)tokenizer->encode("hello \xFF");
    FAIL("no error");
  } catch (const InvalidInput& error) {
    CHECK(error.byte_offset == 6U);
  }
}
