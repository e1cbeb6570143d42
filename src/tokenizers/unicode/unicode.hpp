// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

/// Character properties as Hugging Face `tokenizers` applies them.
///
/// Note [Own Unicode tables]: ids must not depend on which ICU a machine carries, and no ICU version agrees with
/// `tokenizers`, whose parts use Unicode data of different years (its punctuation is Unicode 8's, its lowercase this
/// year's). The tables are generated from that package's behaviour by scripts/make_unicode_tables.py.
namespace modelpool::tokenizers::unicode {

enum Flag : std::uint8_t {
  kWhiteSpace = 1U << 0U,
  kRemoved = 1U << 1U,      ///< BERT's text cleaning drops it: control, format, private use, U+FFFD
  kChinese = 1U << 2U,      ///< BERT puts spaces around it
  kPunctuation = 1U << 3U,  ///< BERT makes it a word of its own
  kNonspacing = 1U << 4U,   ///< a mark that stripping accents drops
  kWord = 1U << 5U,         ///< \w of regular expressions
  kDecomposes = 1U << 6U,   ///< canonical decomposition (NFD) changes it
};

struct Record {
  std::uint8_t flags;            ///< bits of Flag
  std::uint8_t combining_order;  ///< rank of the canonical combining class; 0 for a starter
  std::int32_t to_lower;         ///< lowercase minus the code point; U+0130, which becomes two, has 0
};

/// @param code  up to U+10FFFF
[[nodiscard]] const Record& record(char32_t code) noexcept;

/// Room for the longest canonical decomposition of one code point.
inline constexpr std::size_t kLongestDecomposition = 4;

/// Writes the full canonical decomposition of a code point that kDecomposes; returns how many code points it has.
std::size_t decompose(char32_t code, std::span<char32_t, kLongestDecomposition> out) noexcept;

}  // namespace modelpool::tokenizers::unicode
