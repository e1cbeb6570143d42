// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizers/text.hpp"

namespace modelpool::tokenizers {

/// A part of a pattern's syntax that Regex does not have.
class RegexError {
 public:
  explicit RegexError(std::string problem) : problem_(std::move(problem)) {}
  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }

 private:
  std::string problem_;
};

/// A set of code points: a tree of classes for all of them, and its answers for ASCII in a table.
class CharacterSet {
 public:
  /// What a set is made of. A code point is in it if it is in a range, has one of the categories or classes, or is in
  /// one of `parts`; and in all of `and_parts`; and then the other way round where `negated`.
  struct Node {
    std::vector<std::pair<char32_t, char32_t>> ranges;
    std::uint32_t categories = 0;  // a bit for each unicode::Category
    bool space = false;
    bool word = false;
    bool everything = false;
    std::vector<Node> parts;
    std::vector<Node> and_parts;
    bool negated = false;
    [[nodiscard]] bool has(char32_t code) const noexcept;
  };
  explicit CharacterSet(Node node);
  [[nodiscard]] bool has(char32_t code) const noexcept { return code < 0x80 ? ascii_[code] : node_.has(code); }

 private:
  Node node_;
  std::array<bool, 128> ascii_;
};

/// A regular expression as the tokenizers of public models use them, with the syntax and meaning of Oniguruma, which
/// `tokenizers` runs them by, and its character classes.
///
/// Note [Own regular expressions]: what a pattern's \p{L} matches depends on the Unicode version, so an engine with
/// other tables, as ICU's, would give other ids. The matcher backtracks, and stops with an error where that takes too
/// long, as Oniguruma does. Groups do not capture. Refused are back references, scripts and other properties than
/// general categories, and rarer syntax.
class Regex {
 public:
  /// @throws RegexError
  explicit Regex(std::string_view pattern);

  /// The matches in a text, as Oniguruma's search finds them one after another.
  /// @throws InvalidInput  where matching takes more steps than any sensible pattern needs
  [[nodiscard]] std::vector<Range> find_all(std::string_view text) const;

 private:
  class Parser;
  class Matcher;
  enum class Op : std::uint8_t {
    set,          // one code point of sets_[a]
    loop,         // sets_[a], from b to c times, greedy
    lazy_loop,    // as few times as possible
    atomic_loop,  // as often as possible, without giving back
    split,        // tries a, then b
    jump,         // goes on at a
    line_begin,
    line_end,
    text_begin,
    text_end,
    text_end_or_newline,
    boundary,     // a: 1 where there must be none
    look_ahead,   // the code at the next place to its `match` must match; a: where to go on; b: 1 if it must not
    look_behind,  // the same, with c code points before
    atomic,       // the code at the next place is matched once and for all; a: where to go on
    match,
  };
  struct Instruction {
    Op op;
    std::uint32_t a = 0;
    std::uint32_t b = 0;
    std::uint32_t c = 0;
  };
  void find_first_bytes();

  std::vector<CharacterSet> sets_;
  std::vector<Instruction> code_;
  std::array<bool, 256> first_bytes_{};  // a match may begin with this byte
  bool may_be_empty_ = false;
};

}  // namespace modelpool::tokenizers
