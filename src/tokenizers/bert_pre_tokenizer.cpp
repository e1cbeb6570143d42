// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/bert_pre_tokenizer.hpp"

#include <array>

#include "base/utf8.hpp"
#include "tokenizers/unicode/unicode.hpp"

namespace modelpool::tokenizers {
namespace {

constexpr std::uint8_t kSplits = unicode::kWhiteSpace | unicode::kPunctuation;

std::array<std::uint8_t, 128> ascii_flags() {
  std::array<std::uint8_t, 128> flags{};
  for (std::size_t c = 0; c < flags.size(); ++c) flags[c] = unicode::record(static_cast<char32_t>(c)).flags & kSplits;
  return flags;
}

void split_word(std::string_view text, Range word, std::vector<Range>& words) {
  static const std::array<std::uint8_t, 128> kAscii = ascii_flags();
  std::uint32_t begin = word.begin;
  for (std::size_t at = word.begin; at < word.end;) {
    const auto here = static_cast<std::uint32_t>(at);
    const auto byte = static_cast<unsigned char>(text[at]);
    const unsigned flags = byte < 0x80 ? kAscii[(++at, byte)] : unicode::record(utf8::next(text, at)).flags & kSplits;
    if (flags == 0) continue;
    const auto next = static_cast<std::uint32_t>(at);
    if (here > begin) words.push_back({begin, here});
    if ((flags & unicode::kPunctuation) != 0) words.push_back({here, next});
    begin = next;
  }
  if (word.end > begin) words.push_back({begin, word.end});
}

}  // namespace

void BertPreTokenizer::split(Text& input, std::vector<Range>& words) const {
  const std::string_view text = input.view();
  if (words.size() == 1) {
    const Range all = words.front();
    words.clear();
    return split_word(text, all, words);
  }
  std::vector<Range> finer;
  for (const Range word : words) split_word(text, word, finer);
  words.swap(finer);
}

}  // namespace modelpool::tokenizers
