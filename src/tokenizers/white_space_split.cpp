// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/white_space_split.hpp"

#include <array>

#include "base/utf8.hpp"
#include "tokenizers/unicode/unicode.hpp"

namespace modelpool::tokenizers {
namespace {

// No byte that begins a code point of white space beyond ASCII is anything but these four.
enum Kind : std::uint8_t { plain, space, perhaps };

std::array<Kind, 256> kinds() {
  std::array<Kind, 256> result{};
  for (char32_t code = 0; code < 0x10000; ++code) {
    if ((unicode::record(code).flags & unicode::kWhiteSpace) == 0) continue;
    std::string bytes;
    utf8::append(bytes, code);
    result[static_cast<unsigned char>(bytes.front())] = code < 0x80 ? space : perhaps;
  }
  return result;
}

void split_word(std::string_view text, Range word, std::vector<Range>& words) {
  static const std::array<Kind, 256> kKinds = kinds();
  std::uint32_t begin = word.begin;
  for (std::uint32_t at = word.begin; at < word.end;) {
    const Kind kind = kKinds[static_cast<unsigned char>(text[at])];
    std::size_t next = at + 1;
    if (kind == plain) {
      ++at;
      continue;
    }
    if (kind == perhaps) {
      next = at;
      if ((unicode::record(utf8::next(text, next)).flags & unicode::kWhiteSpace) == 0) {
        at = static_cast<std::uint32_t>(next);
        continue;
      }
    }
    if (at > begin) words.push_back({begin, at});
    begin = at = static_cast<std::uint32_t>(next);
  }
  if (word.end > begin) words.push_back({begin, word.end});
}

}  // namespace

void WhitespaceSplit::split(Text& text, std::vector<Range>& words) const {
  if (words.size() == 1) {
    const Range all = words.front();
    words.clear();
    return split_word(text.view(), all, words);
  }
  std::vector<Range> finer;
  for (const Range word : words) split_word(text.view(), word, finer);
  words.swap(finer);
}

}  // namespace modelpool::tokenizers
