// SPDX-License-Identifier: Apache-2.0
// Any bytes are a text that becomes tokens, or invalid UTF-8 that is refused at its first bad byte. The first byte of the
// input chooses the tokenizer, the second the options.
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "tokenizer_checks.hpp"
#include "tokenizers/readers.hpp"

using namespace modelpool;
using namespace modelpool::tokenizers;

namespace {

constexpr std::string_view kVocab =
    R"({"[PAD]":0,"[UNK]":1,"[CLS]":2,"[SEP]":3,"[MASK]":4,"a":5,"b":6,"##a":7,"##b":8,"##ab":9,"e":10,"\u00e9":11,)"
    R"("##\u0301":12,"\u6771":13,"ab":14,"i":15,"##\u0307":16,"\u1100":17,"##\u1161":18,"!":19,"'":20,"s":21,"\u302e":22})";

std::string token(int id, std::string_view content, std::string_view flags) {
  const auto flag = [&](const char* name, char letter) {
    return std::string("\"") + name + (flags.find(letter) == std::string_view::npos ? "\":false," : "\":true,");
  };
  return "{\"id\":" + std::to_string(id) + "," + flag("single_word", 'w') + flag("lstrip", 'l') + flag("rstrip", 'r') +
         flag("normalized", 'n') + flag("special", 's') + "\"content\":\"" + std::string(content) + "\"}";
}

// Bits of `kind`: clean_text, handle_chinese_chars, lowercase, strip_accents given, its value.
std::string tokenizer_json(unsigned kind) {
  const auto flag = [&](unsigned bit) { return std::string((kind >> bit & 1U) != 0 ? "true" : "false"); };
  return R"({"added_tokens":[)" + token(2, "[CLS]", "s") + "," + token(3, "[SEP]", "s") + "," + token(30, "<l>", "l") +
         "," + token(31, "<r>", "rs") + "," + token(32, "w\\u00e9", "wn") + "," + token(33, " x ", "") + "," +
         token(34, "<l><r>", "lrs") + R"(],"normalizer":{"type":"BertNormalizer","clean_text":)" + flag(0) +
         R"(,"handle_chinese_chars":)" + flag(1) + R"(,"lowercase":)" + flag(2) + R"(,"strip_accents":)" +
         ((kind & 8U) != 0 ? flag(4) : "null") +
         R"(},"pre_tokenizer":{"type":"BertPreTokenizer"},"post_processor":{"type":"BertProcessing","sep":["[SEP]",3],)"
         R"("cls":["[CLS]",2]},"decoder":{"type":"WordPiece","prefix":"##","cleanup":true},"model":{"type":"WordPiece",)"
         R"("unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":9,"vocab":)" +
         std::string(kVocab) + "}}";
}

const Tokenizer& tokenizer_of(unsigned kind) {
  static std::array<std::unique_ptr<const Pipeline>, 32> made;
  auto& place = made.at(kind);
  if (!place)
    place = std::make_unique<const Pipeline>(read_tokenizer_json(tokenizer_json(kind), "f", TokenizerConfig{}));
  return *place;
}

EncodeOptions options_of(unsigned bits) {
  EncodeOptions options{.add_special_tokens = (bits & 1U) != 0};
  if ((bits & 2U) != 0) options.max_length = bits >> 2U;
  return options;
}

void check_refusal(const InvalidInput& error, std::string_view text) {
  fuzz::require(error.byte_offset.has_value() && *error.byte_offset < text.size());
  fuzz::require(!utf8::first_invalid(text.substr(0, *error.byte_offset)));
  fuzz::require(utf8::sequence_length(text, *error.byte_offset) == 0);
  fuzz::require_one_line(error.what());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const Tokenizer& tokenizer = tokenizer_of(data[0] % 32U);
  const EncodeOptions options = options_of(data[1]);
  const std::string_view text{reinterpret_cast<const char*>(data) + 2, size - 2};
  try {
    fuzz::check_text(tokenizer, text, options);
    const Encoding single = tokenizer.encode(text, options);
    if (options.max_length) fuzz::require(single.size() <= std::max<std::size_t>(*options.max_length, 2));
    const Encoding pair = tokenizer.encode_pair(text, "a b", {.max_length = options.max_length, .with_offsets = true});
    fuzz::check_encoding(tokenizer, pair, std::max<std::size_t>(utf8::length(text), 3));
    if (options.max_length) fuzz::require(pair.size() <= std::max<std::size_t>(*options.max_length, 3));
  } catch (const InvalidInput& error) {
    check_refusal(error, text);
  }
  return 0;
}
