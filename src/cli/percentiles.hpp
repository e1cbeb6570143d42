// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

namespace modelpool::cli {

/// Nearest-rank percentiles: each is a value that was measured.
struct Percentiles {
  double p50 = 0;
  double p90 = 0;
  double p99 = 0;
};

/// All zero for no values.
[[nodiscard]] Percentiles percentiles_of(std::vector<double> values);

}  // namespace modelpool::cli
