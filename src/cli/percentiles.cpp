// SPDX-License-Identifier: Apache-2.0
#include "cli/percentiles.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace modelpool::cli {

Percentiles percentiles_of(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) {
    const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size())));
    return values[std::max<std::size_t>(rank, 1) - 1];
  };
  return {.p50 = at(0.50), .p90 = at(0.90), .p99 = at(0.99)};
}

}  // namespace modelpool::cli
