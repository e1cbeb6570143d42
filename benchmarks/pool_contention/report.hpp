// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "results.hpp"
#include "targets.hpp"

namespace pool_contention {

std::string format_ns(double ns);             ///< "14.9 ns", "28.5 µs", "4.1 ms"
std::string format_spread(const Spread& ns);  ///< "14.9 ns [14.2 ns..17.5 ns]"

void print_conditions(std::ostream& out, const Machine& machine, const Options& options);
void print_uncontended(std::ostream& out, const std::vector<RungResult>& rungs);
/// @param cells  those of one hold
void print_cells(std::ostream& out, const std::vector<CellResult>& cells, unsigned cpus);
void print_handoffs(std::ostream& out, const std::vector<HandoffRow>& rows);
void print_targets(std::ostream& out, const std::vector<Target>& targets);

/// @return  JSON text with every run
std::string to_json(const Results& results, const Options& options, const std::vector<Target>& targets);

}  // namespace pool_contention
