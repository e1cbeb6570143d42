// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>

/// Unicode normalization as Hugging Face `tokenizers` does it. See Note [Own Unicode tables].
namespace modelpool::tokenizers::unicode {

inline constexpr std::size_t kLongestCompatible = 18;

/// Writes the full compatibility decomposition of a code point; returns how many code points it has, at least one.
std::size_t decompose_compatible(char32_t code, std::span<char32_t, kLongestCompatible> out) noexcept;

/// The character that two compose to.
[[nodiscard]] std::optional<char32_t> compose(char32_t first, char32_t second) noexcept;

/// True if a starter stays as it is in NFC, whatever stands before it.
[[nodiscard]] bool is_composed(char32_t code) noexcept;

/// True if StripAccents drops it.
[[nodiscard]] bool is_combining_mark(char32_t code) noexcept;

}  // namespace modelpool::tokenizers::unicode
