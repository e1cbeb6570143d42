// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/gpt2_words.hpp"

#include <array>
#include <cstdint>

#include "base/utf8.hpp"
#include "tokenizers/unicode/classes.hpp"

namespace modelpool::tokenizers {
namespace {

enum Kind : std::uint8_t { other, letter, number, space };

Kind kind_of(char32_t code) {
  const auto character = unicode::class_of(code);
  if (character.space()) return space;
  if (character.letter()) return letter;
  return character.number() ? number : other;
}

std::array<Kind, 128> ascii_kinds() {
  std::array<Kind, 128> kinds{};
  for (std::size_t c = 0; c < kinds.size(); ++c) kinds[c] = kind_of(static_cast<char32_t>(c));
  return kinds;
}

const std::array<Kind, 128> kAscii = ascii_kinds();

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  /// Where the word that starts at `begin` ends.
  [[nodiscard]] std::size_t word_end(std::size_t begin) const {
    if (const std::size_t length = contraction(begin)) return begin + length;
    std::size_t at = begin;
    const Kind first = next(at);
    if (first == space && text_[begin] == ' ' && at < text_.size()) {
      std::size_t second = at;
      const Kind kind = next(second);
      if (kind != space) return run_end(kind, second);
    }
    return first == space ? space_end(begin, at) : run_end(first, at);
  }

 private:
  Kind next(std::size_t& at) const {
    const auto byte = static_cast<unsigned char>(text_[at]);
    if (byte >= 0x80) return kind_of(utf8::next(text_, at));
    ++at;
    return kAscii[byte];
  }

  [[nodiscard]] std::size_t run_end(Kind kind, std::size_t at) const {
    for (std::size_t end = at; end < text_.size(); at = end)
      if (next(end) != kind) return at;
    return at;
  }

  // Of white space before a word, the last character is left for the word; a single one stands alone.
  [[nodiscard]] std::size_t space_end(std::size_t begin, std::size_t at) const {
    std::size_t last = begin;
    while (at < text_.size()) {
      std::size_t end = at;
      if (next(end) != space) return last == begin ? at : last;
      last = at;
      at = end;
    }
    return at;
  }

  [[nodiscard]] std::size_t contraction(std::size_t at) const {
    if (text_[at] != '\'' || at + 1 >= text_.size()) return 0;
    const char first = text_[at + 1];
    if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
    const char second = at + 2 < text_.size() ? text_[at + 2] : '\0';
    const bool long_one =
        (first == 'r' && second == 'e') || (first == 'v' && second == 'e') || (first == 'l' && second == 'l');
    return long_one ? 3 : 0;
  }

  std::string_view text_;
};

}  // namespace

void split_gpt2(std::string_view text, Range part, std::vector<Range>& words) {
  const Scanner scanner(text.substr(0, part.end));
  for (std::uint32_t begin = part.begin; begin < part.end;) {
    const auto end = static_cast<std::uint32_t>(scanner.word_end(begin));
    words.push_back({begin, end});
    begin = end;
  }
}

}  // namespace modelpool::tokenizers
