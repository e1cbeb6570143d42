// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "results.hpp"

namespace pool_contention {

/// Something that this pool is meant to reach, and what it reached.
struct Target {
  std::string what = {};
  std::string ours = {};                ///< our figure, with its spread
  std::string against = {};             ///< the peer's figure, or what the bound is taken from
  std::optional<double> measured = {};  ///< nullopt when it was not measured
  double bound = 0;
  bool at_least = false;  ///< the bound is a minimum instead of a maximum
  std::string unit = {};  ///< "x", "ns", ""

  [[nodiscard]] bool met() const { return measured && (at_least ? *measured >= bound : *measured <= bound); }
};

/// The ratios against the peers of this run, then the absolute figures, which mean something only on a machine like the
/// one they were set for: two virtual CPUs of a current x86-64 server.
std::vector<Target> judge(const Results& results);

}  // namespace pool_contention
