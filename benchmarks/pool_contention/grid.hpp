// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "options.hpp"
#include "statistics.hpp"

namespace pool_contention {

/// One pool in one cell: its repetitions summed up.
struct CellResult {
  Cell cell;
  const PoolEntry* pool = nullptr;
  Spread cycle_ns;
  Spread slowest_over_fastest;
  Spread wait_p50_ns;
  Spread wait_p99_ns;
  double wait_max_ns = 0;     ///< the worst of all repetitions
  std::size_t repeated = 0;   ///< runs thrown away because others disturbed them
  std::size_t disturbed = 0;  ///< runs that count although others disturbed them: the retries were used up
  double others = 0;          ///< largest share of the CPUs that others used in a run that counts
  bool exclusive = true;
  std::vector<RunResult> throughput_runs;
  std::vector<RunResult> latency_runs;
};

/// Measures all pools in one cell, alternating: repetition by repetition, each pool in turn, a run without and a run with
/// clock reads.
std::vector<CellResult> measure_cell(const Cell& cell, const Options& options);

/// Runs that the CPUs' number and the hold allow at best: nanoseconds per cycle; 0 when the hold takes no CPU.
double ideal_cycle_ns(const Cell& cell, unsigned cpus);

}  // namespace pool_contention
