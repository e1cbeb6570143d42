// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>

#include "histogram.hpp"
#include "pooled.hpp"
#include "ticks.hpp"

/// How long an object takes from the release of one thread to another thread that already waits for it.
namespace pool_contention {

struct HandoffSpec {
  std::size_t turns = 500;           ///< of each of the two threads
  std::chrono::nanoseconds held{0};  ///< for this long the other one has been waiting when the object is released
};

struct HandoffResult {
  double p50_ns = 0;
  double p99_ns = 0;
};

namespace detail {

/// How far a thread has come; the other one reads it.
struct alignas(128) Progress {
  std::atomic<std::size_t> asking{0};  ///< leases asked for
  std::atomic<std::size_t> got{0};     ///< leases got
};

inline void wait_until_at_least(const std::atomic<std::size_t>& counter, std::size_t value) {
  while (counter.load(std::memory_order_acquire) < value) std::this_thread::yield();
}

/// Takes turns with the other thread: a lease ends only when the other one has been asking for `held`, and the next is
/// asked for only when the other one has got this one, so that no pool can pass the object back to the same thread.
template <class Pool>
void take_turns(Pool& pool, const HandoffSpec& spec, std::size_t self, std::array<Progress, 2>& progress,
                LogHistogram& delays) {
  const Progress& other = progress[1 - self];
  const std::uint64_t held = ns_to_ticks(static_cast<double>(spec.held.count()));
  if (self == 1) wait_until_at_least(other.got, 1);
  for (std::size_t turn = 1; turn <= spec.turns; ++turn) {
    const std::size_t others_turn = self == 0 ? turn : turn + 1;
    progress[self].asking.store(turn, std::memory_order_release);
    {
      auto lease = pool.acquire();
      const std::uint64_t now = ticks_now();
      Pooled& object = *lease;
      if (object.uses.load(std::memory_order_relaxed) > 0) {  // the very first lease comes from nobody
        delays.add(now - object.released_at.load(std::memory_order_relaxed));
      }
      object.use();
      progress[self].got.store(turn, std::memory_order_release);
      if (others_turn > spec.turns) return;
      wait_until_at_least(other.asking, others_turn);
      for (const std::uint64_t start = ticks_now(); ticks_now() - start < held;) {
      }
      object.released_at.store(ticks_now(), std::memory_order_relaxed);
    }
    wait_until_at_least(other.got, others_turn);
  }
}

}  // namespace detail

template <class Pool>
HandoffResult measure_handoff(const HandoffSpec& spec) {
  Pool pool{1};
  std::array<detail::Progress, 2> progress;
  std::array<LogHistogram, 2> delays;
  std::thread second{[&] { detail::take_turns(pool, spec, 1, progress, delays[1]); }};
  detail::take_turns(pool, spec, 0, progress, delays[0]);
  second.join();
  delays[0].merge(delays[1]);
  return {.p50_ns = delays[0].quantile(0.50) / ticks_per_ns(), .p99_ns = delays[0].quantile(0.99) / ticks_per_ns()};
}

}  // namespace pool_contention
