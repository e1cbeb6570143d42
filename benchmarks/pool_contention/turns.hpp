// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace pool_contention {

/// What the kernel takes for a turn: `kTurnThreads` threads on one CPU pass a token round, each woken by a bare futex by
/// the one before it, which then sleeps. Nothing in strict order is cheaper where there are more threads than CPUs: every
/// lease is another thread's.
/// @return nanoseconds of one turn
inline constexpr std::size_t kTurnThreads = 30;
double turn_ns(std::size_t turns);

}  // namespace pool_contention
