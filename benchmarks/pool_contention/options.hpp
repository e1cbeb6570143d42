// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

#include "pools.hpp"

namespace pool_contention {

/// How many threads share how many objects.
struct Layout {
  std::size_t threads = 1;
  std::size_t objects = 1;
};

struct Cell {
  Layout layout;
  Hold hold;
};

/// "8x4" and "50us-cpu", as --cells and the tables write them.
std::string name_of(const Layout& layout);
std::string name_of(const Hold& hold);

struct Options {
  std::vector<Cell> cells;  ///< hold by hold, the order of the tables
  std::vector<const PoolEntry*> pools;
  std::size_t repetitions = 7;
  std::chrono::milliseconds length{250};  ///< of one run
  double disturbed_above = 0.05;          ///< others' share of the CPUs that makes a run disturbed
  std::size_t retries = 3;                ///< of a disturbed run
  bool uncontended = true;
  bool grid = true;
  bool handoff = true;
  bool pin = false;
  bool help = false;
  std::string json_path;  ///< empty: none
};

/// A command line that cannot be used; the message names the flag, the value and what would do.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// @throws UsageError
Options parse_options(int argc, const char* const* argv);

std::string help_text();

}  // namespace pool_contention
