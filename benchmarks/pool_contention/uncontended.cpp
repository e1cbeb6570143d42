// SPDX-License-Identifier: Apache-2.0
#include "uncontended.hpp"

#include <time.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "ticks.hpp"
#include "turns.hpp"

namespace pool_contention {
namespace {

template <class Body>
double time_of(std::size_t cycles, Body&& body) {
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < cycles; ++i) body();
  const std::chrono::duration<double, std::nano> elapsed = std::chrono::steady_clock::now() - start;
  return elapsed.count() / static_cast<double>(cycles);
}

double two_mutex_pairs(std::size_t cycles) {
  std::mutex mutex;
  return time_of(cycles, [&] {
    { const std::scoped_lock lock{mutex}; }
    { const std::scoped_lock lock{mutex}; }
  });
}

double cas_and_store(std::size_t cycles) {
  std::atomic<std::uint64_t> word{0};
  return time_of(cycles, [&] {
    std::uint64_t expected = 0;
    word.compare_exchange_strong(expected, 1, std::memory_order_acquire);
    word.store(0, std::memory_order_release);
  });
}

double cas_and_fenced_store(std::size_t cycles) {
  std::atomic<std::uint64_t> word{0};
  return time_of(cycles, [&] {
    std::uint64_t expected = 0;
    word.compare_exchange_strong(expected, 1, std::memory_order_acquire);
    word.store(0, std::memory_order_seq_cst);
  });
}

double two_exchanges(std::size_t cycles) {
  std::atomic<std::uint64_t> word{0};
  return time_of(cycles, [&] {
    std::uint64_t expected = 0;
    word.compare_exchange_strong(expected, 1, std::memory_order_acquire);
    word.exchange(0, std::memory_order_acq_rel);
  });
}

double steady_clock_read(std::size_t cycles) {
  std::atomic<std::int64_t> sink{0};
  return time_of(cycles, [&] {
    sink.store(std::chrono::steady_clock::now().time_since_epoch().count(), std::memory_order_relaxed);
  });
}

double coarse_clock_read(std::size_t cycles) {
  std::atomic<std::int64_t> sink{0};
  return time_of(cycles, [&] {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    sink.store(now.tv_nsec, std::memory_order_relaxed);
  });
}

double ticks_read(std::size_t cycles) {
  std::atomic<std::uint64_t> sink{0};
  return time_of(cycles, [&] { sink.store(ticks_now(), std::memory_order_relaxed); });
}

constexpr std::array kFloor{
    Rung{"floor-mutex", "floor: two mutex lock/unlock pairs", two_mutex_pairs},
    Rung{"floor-cas-store", "floor: CAS + release store", cas_and_store},
    Rung{"floor-cas-fence", "floor: CAS + seq_cst store", cas_and_fenced_store},
    Rung{"floor-cas-cas", "floor: CAS + exchange", two_exchanges},
    Rung{"floor-steady-clock", "floor: steady_clock::now()", steady_clock_read},
    Rung{"floor-coarse-clock", "floor: CLOCK_MONOTONIC_COARSE", coarse_clock_read},
    Rung{"floor-ticks", "floor: time-stamp counter", ticks_read},
    Rung{"floor-turn", "floor: a turn of one thread in 30 on one CPU, by bare futexes", turn_ns},
};

/// Sleeps in a second thread for as long as it lives.
class SecondThread {
 public:
  SecondThread()
      : thread_([this] {
          std::unique_lock lock{mutex_};
          done_changed_.wait(lock, [this] { return done_; });
        }) {}
  SecondThread(const SecondThread&) = delete;
  SecondThread& operator=(const SecondThread&) = delete;
  ~SecondThread() {
    {
      const std::scoped_lock lock{mutex_};
      done_ = true;
    }
    done_changed_.notify_all();
    thread_.join();
  }

 private:
  std::mutex mutex_;
  std::condition_variable done_changed_;
  bool done_ = false;
  std::thread thread_;
};

}  // namespace

std::span<const Rung> floor_rungs() { return kFloor; }

std::vector<RungResult> climb(std::span<const Rung> rungs, std::size_t repetitions, std::chrono::nanoseconds batch) {
  constexpr std::size_t kWarmUp = 10'000;
  const SecondThread second;
  std::vector<std::size_t> cycles;
  for (const Rung& rung : rungs) {
    const double expected = static_cast<double>(batch.count()) / rung.measure(kWarmUp);
    cycles.push_back(std::max(kWarmUp, static_cast<std::size_t>(expected)));
  }
  std::vector<std::vector<double>> samples(rungs.size());
  for (std::size_t repetition = 0; repetition < repetitions; ++repetition) {
    for (std::size_t i = 0; i < rungs.size(); ++i) samples[i].push_back(rungs[i].measure(cycles[i]));
  }
  std::vector<RungResult> results;
  for (std::size_t i = 0; i < rungs.size(); ++i) results.push_back({rungs[i], spread_of(samples[i])});
  return results;
}

}  // namespace pool_contention
