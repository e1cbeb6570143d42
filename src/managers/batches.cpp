// SPDX-License-Identifier: Apache-2.0
#include "managers/batches.hpp"

#include <algorithm>

namespace modelpool::detail {

std::vector<std::vector<std::size_t>> plan_batches(std::span<const std::size_t> lengths, BatchLimits limits) {
  std::vector<std::size_t> order;
  order.reserve(lengths.size());
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    if (lengths[i] > 0) order.push_back(i);
  }
  std::ranges::stable_sort(order, std::ranges::greater{}, [&](std::size_t i) { return lengths[i]; });

  std::vector<std::vector<std::size_t>> batches;
  std::size_t tokens = 0;
  for (const auto i : order) {
    const bool full = batches.empty() || batches.back().size() == limits.texts || tokens + lengths[i] > limits.tokens;
    if (full) {
      batches.emplace_back();
      tokens = 0;
    }
    batches.back().push_back(i);
    tokens += lengths[i];
  }
  return batches;
}

}  // namespace modelpool::detail
