// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <iostream>

#include "options.hpp"
#include "report.hpp"
#include "results.hpp"
#include "targets.hpp"

namespace pool_contention {
namespace {

using namespace std::chrono_literals;

std::vector<Rung> rungs_of(const Options& options) {
  std::vector<Rung> rungs{floor_rungs().begin(), floor_rungs().end()};
  for (const PoolEntry* pool : options.pools) rungs.push_back({pool->slug, pool->title, pool->uncontended_ns});
  rungs.insert(rungs.end(), more_rungs().begin(), more_rungs().end());
  return rungs;
}

std::vector<RungResult> measure_uncontended(const Options& options) {
  std::cerr << "uncontended cycle\n";
  return climb(rungs_of(options), 2 * options.repetitions + 1, options.length / 10);
}

/// All cells of one hold follow each other; a table is printed as soon as its hold is done.
std::vector<CellResult> measure_grid(const Options& options, unsigned cpus) {
  std::vector<CellResult> all;
  std::vector<CellResult> block;
  for (std::size_t i = 0; i < options.cells.size(); ++i) {
    const Cell& cell = options.cells[i];
    std::cerr << fmt::format("cell {} of {}: {}:{}\n", i + 1, options.cells.size(), name_of(cell.layout),
                             name_of(cell.hold));
    for (CellResult& result : measure_cell(cell, options)) block.push_back(std::move(result));
    const bool block_ends = i + 1 == options.cells.size() || name_of(options.cells[i + 1].hold) != name_of(cell.hold);
    if (!block_ends) continue;
    print_cells(std::cout, block, cpus);
    all.insert(all.end(), block.begin(), block.end());
    block.clear();
  }
  return all;
}

HandoffRow measure_handoff_row(const PoolEntry& pool, const HandoffSpec& spec, std::size_t repetitions) {
  std::vector<double> p50;
  std::vector<double> p99;
  for (std::size_t repetition = 0; repetition < repetitions; ++repetition) {
    const HandoffResult result = pool.handoff(spec);
    p50.push_back(result.p50_ns);
    p99.push_back(result.p99_ns);
  }
  return {.pool = &pool, .held = spec.held, .p50_ns = spread_of(p50), .p99_ns = spread_of(p99)};
}

// After 2 µs a waiter that spins is still spinning; after 200 µs every waiter sleeps in the kernel.
std::vector<HandoffRow> measure_handoffs(const Options& options) {
  std::vector<HandoffRow> rows;
  for (const auto held : std::array{2us, 200us}) {
    for (const PoolEntry* pool : options.pools) {
      std::cerr << fmt::format("hand-off after {} µs: {}\n", held.count(), pool->slug);
      rows.push_back(measure_handoff_row(*pool, {.held = held}, options.repetitions));
    }
  }
  return rows;
}

/// @return  whether every pool kept its objects exclusive
bool all_exclusive(const Results& results) {
  return std::all_of(results.cells.begin(), results.cells.end(), [](const CellResult& cell) { return cell.exclusive; });
}

void write_json(const std::string& path, const std::string& text) {
  std::ofstream file{path};
  file << text << '\n';
  if (!file.flush()) throw UsageError{fmt::format("--json {}: cannot be written", path)};
}

int measure(const Options& options) {
  Results results{.machine = describe_machine(), .uncontended = {}, .cells = {}, .handoffs = {}};
  print_conditions(std::cout, results.machine, options);
  if (options.uncontended) {
    results.uncontended = measure_uncontended(options);
    print_uncontended(std::cout, results.uncontended);
  }
  if (options.grid) results.cells = measure_grid(options, results.machine.cpus);
  if (options.handoff) {
    results.handoffs = measure_handoffs(options);
    print_handoffs(std::cout, results.handoffs);
  }
  const auto targets = judge(results);
  print_targets(std::cout, targets);
  if (!options.json_path.empty()) write_json(options.json_path, to_json(results, options, targets));
  if (all_exclusive(results)) return 0;
  std::cerr << "two threads held one object at once: see NOT EXCLUSIVE in the tables\n";
  return 1;
}

}  // namespace
}  // namespace pool_contention

/// @return  0; 1 when a pool gave one object to two threads; 2 for a wrong command line; 3 when a pool hangs
int main(int argc, char** argv) {
  try {
    const auto options = pool_contention::parse_options(argc, argv);
    if (options.help) {
      std::cout << pool_contention::help_text();
      return 0;
    }
    return pool_contention::measure(options);
  } catch (const pool_contention::UsageError& error) {
    std::fprintf(stderr, "pool_contention: %s\n", error.what());
    return 2;
  }
}
