// SPDX-License-Identifier: Apache-2.0
#include "grid.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace pool_contention {
namespace {

/// Runs again while others disturb, as often as allowed; keeps the least disturbed run.
RunResult undisturbed_run(const RunSpec& spec, const Options& options, CellResult& cell) {
  RunResult best = cell.pool->run(spec);
  cell.exclusive = cell.exclusive && best.exclusive;
  for (std::size_t retry = 0; retry < options.retries && best.others > options.disturbed_above; ++retry) {
    const RunResult again = cell.pool->run(spec);
    cell.exclusive = cell.exclusive && again.exclusive;
    if (again.others < best.others) best = again;
    ++cell.repeated;
  }
  if (best.others > options.disturbed_above) ++cell.disturbed;
  cell.others = std::max(cell.others, best.others);
  return best;
}

RunSpec spec_of(const CellResult& cell, const Options& options, bool time_waits) {
  return {.threads = cell.cell.layout.threads,
          .objects = cell.cell.layout.objects,
          .hold = cell.cell.hold,
          .length = options.length,
          .time_waits = time_waits,
          .pin = options.pin,
          .label = fmt::format("{} in {}:{}", cell.pool->slug, name_of(cell.cell.layout), name_of(cell.cell.hold))};
}

Spread spread_over(const std::vector<RunResult>& runs, double RunResult::*member) {
  std::vector<double> values;
  for (const RunResult& run : runs) values.push_back(run.*member);
  return spread_of(std::move(values));
}

void sum_up(CellResult& cell) {
  cell.cycle_ns = spread_over(cell.throughput_runs, &RunResult::cycle_ns);
  cell.slowest_over_fastest = spread_over(cell.throughput_runs, &RunResult::slowest_over_fastest);
  cell.wait_p50_ns = spread_over(cell.latency_runs, &RunResult::wait_p50_ns);
  cell.wait_p99_ns = spread_over(cell.latency_runs, &RunResult::wait_p99_ns);
  cell.wait_max_ns = spread_over(cell.latency_runs, &RunResult::wait_max_ns).max;
}

}  // namespace

std::vector<CellResult> measure_cell(const Cell& cell, const Options& options) {
  std::vector<CellResult> results;
  for (const PoolEntry* pool : options.pools) {
    results.emplace_back();
    results.back().cell = cell;
    results.back().pool = pool;
  }
  for (std::size_t repetition = 0; repetition < options.repetitions; ++repetition) {
    for (std::size_t i = 0; i < results.size(); ++i) {
      CellResult& result = results[(i + repetition) % results.size()];  // no pool always follows the same one
      result.throughput_runs.push_back(undisturbed_run(spec_of(result, options, false), options, result));
      result.latency_runs.push_back(undisturbed_run(spec_of(result, options, true), options, result));
    }
  }
  for (CellResult& result : results) sum_up(result);
  return results;
}

double ideal_cycle_ns(const Cell& cell, unsigned cpus) {
  if (cell.hold.kind != Hold::Kind::spin) return 0;
  const std::size_t at_once = std::min({cell.layout.threads, cell.layout.objects, static_cast<std::size_t>(cpus)});
  return static_cast<double>(cell.hold.time.count()) / static_cast<double>(at_once);
}

}  // namespace pool_contention
