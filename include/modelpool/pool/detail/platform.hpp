// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <stop_token>

#include "modelpool/pool/detail/mutex.hpp"

namespace modelpool::detail {

/// Nanoseconds of std::chrono::steady_clock; kNever: no deadline.
using Nanos = std::int64_t;
inline constexpr Nanos kNever = std::numeric_limits<Nanos>::max();
/// @param start  from 0  @return  start + duration; kNever where that is beyond the range
[[nodiscard]] constexpr Nanos later(Nanos start, Nanos duration) noexcept {
  return duration > kNever - start ? kNever : start + duration;
}

/// Mistakes that the deterministic scheduler must find when they are made on purpose (tests/stress/scheduler_test.cpp).
/// In the real platform the value is the constant `none`, so the compiler removes every trace of them.
enum class Defect {
  none,
  baton_dropped_on_timeout,       ///< a waiter that gives up ignores the instance that was handed to it
  cancelled_waiter_not_removed,   ///< a cancelled waiter leaves the queue's entry behind
  count_drift_on_create_failure,  ///< a failed creation keeps its place in the size
  missed_wake_on_release,         ///< release takes the slow path without serving the queue
  check_then_park,                ///< leased slots are not marked before a waiter parks
  double_hand_off,                ///< the slot handed to one waiter stays idle for the next
  lost_wake_on_resize,            ///< growing does not look at the queue
  closed_not_rechecked,           ///< a creation that ends after close is published as idle
  exclusive_passes_a_lease,       ///< exclusive access is given although a lease is out
  newcomer_barges,                ///< a newcomer takes an instance before the queue
  destroyed_while_leased,         ///< shrink destroys a leased instance
  wait_forgotten_after_failure,   ///< a failed creation tells nobody
};

/// What each thread remembers: its identity, and which slot of a pool it used last. Hints are keyed by a pool number that
/// is never used twice, so that a pointer into a pool that is gone is never followed.
struct ThreadCache {
  static constexpr std::size_t kHints = 4;
  struct Hint {
    std::uint64_t pool = 0;
    void* slot = nullptr;
  };
  std::uint64_t token = 0;  ///< unique for the life of the process; its low bits are the system's thread id
  std::array<Hint, kHints> hints{};
  const unsigned* uncaught = nullptr;  ///< where the C++ runtime counts this thread's exceptions in flight
};
inline constexpr unsigned kSystemIdBits = 22;  // Linux: pid_max <= 2^22

void open_thread_cache(ThreadCache& cache) noexcept;
inline constinit thread_local ThreadCache this_thread_cache;

/// How stamps are made and read: the processor's time stamp counter where it is invariant, else steady_clock.
struct StampClock {
  bool tsc = false;
  double nanos_per_tick = 1.0;
};

/// What the pool's core needs of the machine. Tests put a simulated one in its place.
struct RealPlatform {
  template <class V>
  using Atomic = std::atomic<V>;
  using Mutex = detail::Mutex;
  using StopToken = std::stop_token;
  template <class F>
  using StopCallback = std::stop_callback<F>;

  static constexpr Defect defect() noexcept { return Defect::none; }
  static ThreadCache& thread_cache() noexcept {
    if (this_thread_cache.token == 0) [[unlikely]]
      open_thread_cache(this_thread_cache);
    return this_thread_cache;
  }
  /// std::uncaught_exceptions(). The standard library's is a call, and two of them cost more than the rest of a lease that
  /// meets no other.
  [[nodiscard]] static int uncaught_exceptions() noexcept {
#if defined(__GLIBCXX__)
    return static_cast<int>(*thread_cache().uncaught);
#else
    return std::uncaught_exceptions();
#endif
  }
  [[nodiscard]] static Nanos now() noexcept;
  [[nodiscard]] static StampClock stamp_clock() noexcept;
  [[nodiscard]] static std::uint64_t stamp([[maybe_unused]] bool tsc) noexcept {
#if defined(__x86_64__)
    if (tsc) return __builtin_ia32_rdtsc();
#endif
    return static_cast<std::uint64_t>(now());
  }
  static void relax() noexcept {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
  /// Sleeps while `word` is `expected`, until a wake or the deadline; may wake for no reason.
  static void wait(std::atomic<std::uint32_t>& word, std::uint32_t expected, Nanos deadline) noexcept;
  /// Wakes the sleeper. The address alone is used: the word may be gone already.
  static void wake(std::atomic<std::uint32_t>& word) noexcept;
  /// @return  processors that this process may use, at least 1
  [[nodiscard]] static unsigned processors() noexcept;
  /// Runs function(argument) on a new detached thread. @return false if there can be no more threads
  static bool spawn(void (*function)(void*), void* argument) noexcept;
};

}  // namespace modelpool::detail
