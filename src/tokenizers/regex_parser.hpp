// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "tokenizers/regex.hpp"

namespace modelpool::tokenizers {

/// A pattern as a tree.
struct RegexNode {
  enum class Kind : std::uint8_t { set, sequence, choice, repeat, assertion, look, atomic };
  enum class Assertion : std::uint8_t {
    line_begin,
    line_end,
    text_begin,
    text_end,
    text_end_or_newline,
    boundary,
    no_boundary
  };
  enum class Greed : std::uint8_t { greedy, lazy, possessive };
  Kind kind = Kind::sequence;
  CharacterSet::Node set;
  std::vector<RegexNode> children;
  std::uint32_t least = 1;
  std::uint32_t most = 1;  ///< kNoLimit: any number
  Greed greed = Greed::greedy;
  Assertion assertion = Assertion::line_begin;
  bool behind = false;
  bool negative = false;

  static constexpr std::uint32_t kNoLimit = UINT32_MAX;
};

/// @throws RegexError
[[nodiscard]] RegexNode parse_regex(std::string_view pattern);

}  // namespace modelpool::tokenizers
