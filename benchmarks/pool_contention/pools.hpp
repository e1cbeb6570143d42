// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "handoff.hpp"
#include "run.hpp"
#include "uncontended.hpp"

namespace pool_contention {

enum class Family {
  ours_fifo,        ///< ModelPool, first come, first served
  ours_throughput,  ///< ModelPool, newcomers may pass
  mutex_fifo_peer,  ///< a mutex and condition variables, first come, first served
  fifo_peer,        ///< another peer that serves in order
  unordered_peer,   ///< a peer that promises no order
};

/// A pool of the comparison, with its measurements instantiated.
struct PoolEntry {
  std::string_view slug;  ///< for --pools
  std::string_view title;
  Family family;
  RunResult (*run)(const RunSpec&);
  double (*uncontended_ns)(std::size_t cycles);
  HandoffResult (*handoff)(const HandoffSpec&);
};

/// All of them, ours first.
std::span<const PoolEntry> all_pools();

/// Settings of ours that are measured without contention only.
std::span<const Rung> more_rungs();

/// @return  nullptr when there is none of that name
const PoolEntry* find_pool(std::string_view slug);

}  // namespace pool_contention
