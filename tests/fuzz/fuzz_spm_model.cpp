// SPDX-License-Identifier: Apache-2.0
// Any bytes are a SentencePiece model that can be used, or an error of one line. The first byte chooses the class.
#include <cstdint>
#include <string_view>

#include "tokenizer_checks.hpp"
#include "tokenizers/sentencepiece_classes.hpp"

using namespace modelpool;
using namespace modelpool::tokenizers;

namespace {

constexpr std::string_view kTexts[] = {
    "", "Hello  WORLDS, it's <s> a  test\t!\xE2\x96\x81x ",
    "e\xCC\x81\xC3\xA9 \xE6\x9D\xB1\xE4\xBA\xAC \xF0\x9F\x91\x8D\xE2\x80\x8D x\xEF\xBF\xBDy\r\n",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto kind = static_cast<SentencePieceClass>(data[0] % 5);
  const std::string_view model{reinterpret_cast<const char*>(data) + 1, size - 1};
  TokenizerConfig config;
  config.extra_ids = 3;
  config.add_prefix_space = data[0] < 128;
  try {
    const Pipeline tokenizer(read_sentencepiece_model(kind, model, "f", config));
    for (const std::string_view text : kTexts) {
      fuzz::check_text(tokenizer, text, {});
      fuzz::check_encoding(tokenizer, tokenizer.encode_pair(text, kTexts[1], {.max_length = 9, .with_offsets = true}),
                           64);
    }
  } catch (const LoadError& error) {
    fuzz::require(error.file == "f");
    fuzz::require_one_line(error.what());
  }
  return 0;
}
