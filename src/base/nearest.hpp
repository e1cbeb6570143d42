// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace modelpool {

/// The candidate that `word` was most likely meant to be: fewest edits (insert, delete, replace, swap of neighbours),
/// at most a third of the word's length and two at least. Empty when none is near.
[[nodiscard]] std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace modelpool
