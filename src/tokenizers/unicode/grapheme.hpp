// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

namespace modelpool::tokenizers::unicode {

/// Where the grapheme cluster that starts at `at` ends: what a reader takes for one character (Unicode Standard Annex
/// 29, extended clusters, in the Unicode version of `tokenizers`).
/// @param text  valid UTF-8, at < text.size()
[[nodiscard]] std::size_t grapheme_end(std::string_view text, std::size_t at) noexcept;

}  // namespace modelpool::tokenizers::unicode
