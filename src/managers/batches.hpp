// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace modelpool::detail {

struct BatchLimits {
  std::size_t texts;   ///< most in one batch, at least 1
  std::size_t tokens;  ///< most in one batch, at least 1; a text that is longer is a batch by itself
};

/// Indices of the texts of each batch. Longest first: what is left for the end, when instances run out of work one
/// after the other, is short; and a batch holds texts of like length.
/// @param lengths  tokens of each text; texts of 0 tokens are in no batch
[[nodiscard]] std::vector<std::vector<std::size_t>> plan_batches(std::span<const std::size_t> lengths,
                                                                 BatchLimits limits);

}  // namespace modelpool::detail
