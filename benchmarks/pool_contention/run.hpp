// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pthread.h>
#include <sched.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "histogram.hpp"
#include "machine.hpp"
#include "pooled.hpp"
#include "ticks.hpp"

/// One run: some threads take leases from one pool for a fixed time.
namespace pool_contention {

/// What a thread does with its lease.
struct Hold {
  enum class Kind { none, spin, sleep };
  Kind kind = Kind::none;
  std::chrono::nanoseconds time{0};
};

struct RunSpec {
  std::size_t threads = 1;
  std::size_t objects = 1;
  Hold hold = {};
  std::chrono::milliseconds length{250};
  bool time_waits = false;  ///< read the clock around each acquire; else no clock is read in the loop
  bool pin = false;         ///< thread i stays on CPU i modulo their number
  std::string label = {};   ///< names the run should it hang
};

struct RunResult {
  std::uint64_t cycles = 0;
  double cycle_ns = 0;              ///< wall time of the run / cycles of all threads
  double slowest_over_fastest = 0;  ///< fewest / most cycles of a thread
  double wait_p50_ns = 0;           ///< these three only with time_waits
  double wait_p99_ns = 0;
  double wait_max_ns = 0;
  double others = 0;      ///< share of the CPUs that others used meanwhile
  bool exclusive = true;  ///< the uses counted inside the objects equal the cycles
};

namespace detail {

inline constexpr std::chrono::seconds kHangAfter{10};

/// Opens when all threads have arrived, and tells when all have left. A mutex and a condition variable on purpose:
/// std::barrier and std::latch wait on atomics, which in libstdc++ 12 can lose a wake-up.
class Gate {
 public:
  void arrive_and_wait() {
    std::unique_lock lock{mutex_};
    ++arrived_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_; });
  }
  void leave() {
    const std::scoped_lock lock{mutex_};
    ++left_;
    changed_.notify_all();
  }
  void open_after(std::size_t threads) {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [&] { return arrived_ == threads; });
    open_ = true;
    changed_.notify_all();
  }
  /// @return  false if not all threads had left in time
  bool wait_empty(std::size_t threads) {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, kHangAfter, [&] { return left_ == threads; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t arrived_ = 0;
  std::size_t left_ = 0;
  bool open_ = false;
};

struct alignas(128) ThreadResult {
  std::uint64_t cycles = 0;
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  LogHistogram waits;
};

/// A hold turned into what the loop needs.
class Holder {
 public:
  explicit Holder(const Hold& hold)
      : kind_(hold.kind), ticks_(ns_to_ticks(static_cast<double>(hold.time.count()))), sleep_{0, hold.time.count()} {}
  void operator()() const noexcept {
    if (kind_ == Hold::Kind::none) return;
    if (kind_ == Hold::Kind::sleep) {
      nanosleep(&sleep_, nullptr);
      return;
    }
    // No pause instruction: a hypervisor may take the CPU away from a guest that pauses in a loop.
    for (const std::uint64_t start = ticks_now(); ticks_now() - start < ticks_;) {
    }
  }

 private:
  Hold::Kind kind_;
  std::uint64_t ticks_;
  timespec sleep_;
};

inline void pin_to(std::size_t index) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(index % std::thread::hardware_concurrency(), &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

template <bool kTimeWaits, class Pool>
void cycle_until(const std::atomic<bool>& stop, Pool& pool, const Holder& hold, ThreadResult& result) {
  std::uint64_t cycles = 0;
  result.start = ticks_now();
  while (!stop.load(std::memory_order_relaxed)) {
    const std::uint64_t before = kTimeWaits ? ticks_now() : 0;
    auto lease = pool.acquire();
    if constexpr (kTimeWaits) result.waits.add(ticks_now() - before);
    (*lease).use();
    hold();
    ++cycles;
  }
  result.end = ticks_now();
  result.cycles = cycles;
}

RunResult summarise(const std::vector<std::unique_ptr<ThreadResult>>& threads);

/// Says which run hangs and ends the program with code 3: its threads can be neither joined nor left alone.
[[noreturn]] void end_by_hang(const std::string& label);

}  // namespace detail

/// Ends the program if threads still wait for a lease ten seconds after the run's end.
template <class Pool>
RunResult run(const RunSpec& spec) {
  // Each on cache lines of its own: the stop flag is read in every cycle, and the pool written.
  alignas(128) Pool pool{spec.objects};
  alignas(128) const detail::Holder hold{spec.hold};
  alignas(128) std::atomic<bool> stop{false};
  alignas(128) detail::Gate gate;
  std::vector<std::unique_ptr<detail::ThreadResult>> results(spec.threads);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < spec.threads; ++i) {
    results[i] = std::make_unique<detail::ThreadResult>();
    threads.emplace_back([&, i] {
      if (spec.pin) detail::pin_to(i);
      gate.arrive_and_wait();
      const auto loop = spec.time_waits ? detail::cycle_until<true, Pool> : detail::cycle_until<false, Pool>;
      loop(stop, pool, hold, *results[i]);
      gate.leave();
    });
  }
  gate.open_after(spec.threads);
  const OthersMeter others;
  std::this_thread::sleep_for(spec.length);
  stop.store(true, std::memory_order_relaxed);
  if (!gate.wait_empty(spec.threads)) detail::end_by_hang(spec.label);
  const double others_share = others.share();
  for (auto& thread : threads) thread.join();
  RunResult result = detail::summarise(results);
  result.others = others_share;
  result.exclusive = pool.uses() == result.cycles;
  return result;
}

}  // namespace pool_contention
