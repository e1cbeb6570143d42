// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

/// Character classes as the regular expressions of Hugging Face `tokenizers` know them. See Note [Own Unicode tables].
namespace modelpool::tokenizers::unicode {

// clang-format off
/// General categories, named as in Unicode.
enum class Category : std::uint8_t {
  Lu, Ll, Lt, Lm, Lo, Mn, Mc, Me, Nd, Nl, No, Pc, Pd, Ps, Pe, Pi, Pf, Po, Sm, Sc, Sk, So, Zs, Zl, Zp, Cc, Cf, Co, Cn,
};
// clang-format on
inline constexpr unsigned kCategories = 29;

class CharacterClass {
 public:
  constexpr explicit CharacterClass(std::uint8_t bits) noexcept : bits_(bits) {}
  [[nodiscard]] constexpr Category category() const noexcept { return static_cast<Category>(bits_ & 0x1FU); }
  [[nodiscard]] constexpr bool space() const noexcept { return (bits_ & 0x20U) != 0; }    ///< \s
  [[nodiscard]] constexpr bool word() const noexcept { return (bits_ & 0x40U) != 0; }     ///< \w
  [[nodiscard]] constexpr bool numeric() const noexcept { return (bits_ & 0x80U) != 0; }  ///< what Digits splits at
  [[nodiscard]] constexpr bool letter() const noexcept { return category() <= Category::Lo; }
  [[nodiscard]] constexpr bool number() const noexcept {
    return category() >= Category::Nd && category() <= Category::No;
  }

 private:
  std::uint8_t bits_;
};

/// @param code  up to U+10FFFF
[[nodiscard]] CharacterClass class_of(char32_t code) noexcept;

}  // namespace modelpool::tokenizers::unicode
