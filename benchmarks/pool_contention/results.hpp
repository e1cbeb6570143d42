// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string_view>
#include <vector>

#include "grid.hpp"
#include "machine.hpp"
#include "options.hpp"
#include "uncontended.hpp"

namespace pool_contention {

struct HandoffRow {
  const PoolEntry* pool = nullptr;
  std::chrono::nanoseconds held{0};  ///< how long the second thread had been waiting
  Spread p50_ns;
  Spread p99_ns;
};

/// Everything one call of the program measured. A part that was not asked for is empty.
struct Results {
  Machine machine;
  std::vector<RungResult> uncontended;
  std::vector<CellResult> cells;
  std::vector<HandoffRow> handoffs;

  /// @return  nullptr when that was not measured
  [[nodiscard]] const CellResult* find(const Layout& layout, const Hold& hold, std::string_view pool) const;
  [[nodiscard]] const RungResult* find_rung(std::string_view slug) const;
};

}  // namespace pool_contention
