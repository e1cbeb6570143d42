// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/unicode/normalization.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <tuple>

#include "tokenizers/unicode/unicode.hpp"

namespace modelpool::tokenizers::unicode {
namespace {

struct Composition {
  char32_t first;
  char32_t second;
  char32_t composed;
};

struct MarkRange {
  char32_t first;
  char32_t last;
};

#include "tokenizers/unicode/normalization_tables.inc"

// Hangul syllables compose by arithmetic (The Unicode Standard, section 3.12).
constexpr char32_t kSyllables = 0xAC00;
constexpr char32_t kLeading = 0x1100;
constexpr char32_t kVowels = 0x1161;
constexpr char32_t kTrailing = 0x11A7;
constexpr char32_t kSyllableCount = 11172;

std::optional<char32_t> compose_hangul(char32_t first, char32_t second) noexcept {
  if (first - kLeading < 19 && second - kVowels < 21)
    return kSyllables + ((first - kLeading) * 21 + (second - kVowels)) * 28;
  const bool open = first - kSyllables < kSyllableCount && (first - kSyllables) % 28 == 0;
  if (open && second > kTrailing && second - kTrailing < 28) return first + (second - kTrailing);
  return std::nullopt;
}

template <char32_t Composition::*Member>
std::array<char32_t, kCompositions.size()> sorted() {
  std::array<char32_t, kCompositions.size()> result{};
  std::transform(kCompositions.begin(), kCompositions.end(), result.begin(),
                 [](const Composition& composition) { return composition.*Member; });
  std::sort(result.begin(), result.end());
  return result;
}

bool contains(const std::array<char32_t, kCompositions.size()>& values, char32_t code) {
  return std::binary_search(values.begin(), values.end(), code);
}

}  // namespace

std::size_t decompose_compatible(char32_t code, std::span<char32_t, kLongestCompatible> out) noexcept {
  const auto* const found = std::lower_bound(kCompatible.begin(), kCompatible.end(), code);
  if (found == kCompatible.end() || *found != code) {
    out[0] = code;
    const bool decomposes = (record(code).flags & kDecomposes) != 0;
    return decomposes ? decompose(code, out.first<kLongestDecomposition>()) : 1;
  }
  const auto at = static_cast<std::size_t>(found - kCompatible.begin());
  const auto* first = kCompatibles.data() + kCompatibleStart[at];
  const auto* last = kCompatibles.data() + kCompatibleStart[at + 1];
  return static_cast<std::size_t>(std::copy(first, last, out.begin()) - out.begin());
}

std::optional<char32_t> compose(char32_t first, char32_t second) noexcept {
  if (const auto syllable = compose_hangul(first, second)) return syllable;
  const auto before = [](const Composition& a, const Composition& b) {
    return std::tie(a.first, a.second) < std::tie(b.first, b.second);
  };
  const Composition wanted{first, second, 0};
  const auto* const found = std::lower_bound(kCompositions.begin(), kCompositions.end(), wanted, before);
  if (found == kCompositions.end() || before(wanted, *found)) return std::nullopt;
  return found->composed;
}

bool is_composed(char32_t code) noexcept {
  static const auto kComposed = sorted<&Composition::composed>();
  static const auto kSeconds = sorted<&Composition::second>();
  if (code < 0x300) return true;
  const bool joins = code - kVowels < 21 || (code > kTrailing && code - kTrailing < 28) || contains(kSeconds, code);
  if (joins) return false;
  const bool decomposes = (record(code).flags & kDecomposes) != 0;
  return !decomposes || code - kSyllables < kSyllableCount || contains(kComposed, code);
}

bool is_combining_mark(char32_t code) noexcept {
  const auto* const found = std::upper_bound(
      kMarks.begin(), kMarks.end(), code, [](char32_t value, const MarkRange& range) { return value < range.first; });
  return found != kMarks.begin() && code <= (found - 1)->last;
}

}  // namespace modelpool::tokenizers::unicode
