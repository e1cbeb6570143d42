// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <thread>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

/// The clock of the measurements: the processor's time-stamp counter where there is one, because a read of it disturbs a
/// 20 ns cycle least, else std::chrono::steady_clock.
namespace pool_contention {

inline std::uint64_t ticks_now() noexcept {
#if defined(__x86_64__)
  return __rdtsc();
#else
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
#endif
}

/// Ticks per nanosecond, measured once against steady_clock over 50 ms.
inline double ticks_per_ns() {
  static const double rate = [] {
    const auto clock_start = std::chrono::steady_clock::now();
    const std::uint64_t start = ticks_now();
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
    const std::uint64_t end = ticks_now();
    const std::chrono::duration<double, std::nano> elapsed = std::chrono::steady_clock::now() - clock_start;
    return static_cast<double>(end - start) / elapsed.count();
  }();
  return rate;
}

inline double ticks_to_ns(std::uint64_t ticks) { return static_cast<double>(ticks) / ticks_per_ns(); }
inline std::uint64_t ns_to_ticks(double ns) { return static_cast<std::uint64_t>(ns * ticks_per_ns()); }

}  // namespace pool_contention
