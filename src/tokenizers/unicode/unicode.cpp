// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/unicode/unicode.hpp"

#include <algorithm>
#include <array>

namespace modelpool::tokenizers::unicode {
namespace {

#include "tokenizers/unicode/unicode_tables.inc"

constexpr unsigned kBlockBits = 7;

// Hangul syllables decompose by arithmetic (The Unicode Standard, section 3.12).
constexpr char32_t kHangulBase = 0xAC00;
constexpr char32_t kHangulCount = 11172;

std::size_t decompose_hangul(char32_t index, std::span<char32_t, kLongestDecomposition> out) noexcept {
  out[0] = 0x1100 + index / 588;
  out[1] = 0x1161 + index % 588 / 28;
  out[2] = 0x11A7 + index % 28;
  return index % 28 == 0 ? 2 : 3;
}

constexpr bool decompositions_fit() {
  for (std::size_t i = 0; i + 1 < kDecompositionStart.size(); ++i)
    if (kDecompositionStart[i + 1] - kDecompositionStart[i] > static_cast<int>(kLongestDecomposition)) return false;
  return true;
}
static_assert(decompositions_fit());

}  // namespace

const Record& record(char32_t code) noexcept {
  const std::size_t block = kBlockOf[code >> kBlockBits];
  return kRecords[kBlocks[(block << kBlockBits) + (code & ((1U << kBlockBits) - 1U))]];
}

std::size_t decompose(char32_t code, std::span<char32_t, kLongestDecomposition> out) noexcept {
  if (code - kHangulBase < kHangulCount) return decompose_hangul(code - kHangulBase, out);
  const auto found = std::lower_bound(kDecomposed.begin(), kDecomposed.end(), code);
  const auto at = static_cast<std::size_t>(found - kDecomposed.begin());
  const auto* first = kDecompositions.data() + kDecompositionStart[at];
  const auto* last = kDecompositions.data() + kDecompositionStart[at + 1];
  return static_cast<std::size_t>(std::copy(first, last, out.begin()) - out.begin());
}

}  // namespace modelpool::tokenizers::unicode
