// SPDX-License-Identifier: Apache-2.0
// Any bytes are a tokenizer that can be used, or an error of one line. A NUL byte divides the input: before it stands a
// tokenizer.json, or a merges.txt if it starts as one, or else a vocab.txt; after it a tokenizer_config.json.
#include <cstdint>
#include <string>
#include <string_view>

#include "tokenizer_checks.hpp"
#include "tokenizers/byte_pair_classes.hpp"
#include "tokenizers/readers.hpp"

using namespace modelpool;
using namespace modelpool::tokenizers;

namespace {

constexpr std::string_view kTexts[] = {
    "", "Hello WORLDS, it's [CLS] a  test\t!",
    "e\xCC\x81\xC3\xA9 \xE6\x9D\xB1\xE4\xBA\xAC \xF0\x9F\x91\x8D\xE2\x80\x8D x\xEF\xBF\xBDy",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};

constexpr std::string_view kVocabJson = R"({"a": 0, "b": 1, "ab": 2, "\u0120": 3, "\u0120a": 4, "abab": 5})";

PipelineParts read(std::string_view vocabulary, std::string_view config_text) {
  const auto config = config_text.empty() ? TokenizerConfig{} : TokenizerConfig::from_text(config_text, "c");
  if (vocabulary.starts_with("#version"))
    return read_vocab_and_merges(BytePairClass::gpt2, {kVocabJson, "v"}, {vocabulary, "f"}, config);
  return vocabulary.starts_with('{') ? read_tokenizer_json(vocabulary, "f", config)
                                     : read_vocab_txt(vocabulary, "f", config);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input{reinterpret_cast<const char*>(data), size};
  const std::size_t end = input.find('\0');
  try {
    const Pipeline tokenizer(read(input.substr(0, end), end == std::string_view::npos ? "" : input.substr(end + 1)));
    for (const std::string_view text : kTexts) {
      fuzz::check_text(tokenizer, text, {});
      fuzz::check_text(tokenizer, text, {.add_special_tokens = false, .max_length = 3});
      fuzz::check_encoding(tokenizer, tokenizer.encode_pair(text, kTexts[1], {.max_length = 9, .with_offsets = true}),
                           64);
    }
  } catch (const InvalidInput& error) {  // no unknown token, or a slow pattern
    fuzz::require_one_line(error.what());
  } catch (const LoadError& error) {
    fuzz::require(error.file == "f" || error.file == "c");
    fuzz::require_one_line(error.what());
  } catch (const UnsupportedModel& error) {
    fuzz::require(!error.supported.empty());
    fuzz::require_one_line(error.what());
  }
  return 0;
}
