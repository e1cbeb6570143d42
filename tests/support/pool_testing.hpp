// SPDX-License-Identifier: Apache-2.0
// What the pool's tests under load share: an instance that knows when it is misused, gates, bounded waits, a watchdog.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "modelpool/pool/model_pool.hpp"

namespace modelpool::test {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;
using Clock = std::chrono::steady_clock;

/// How much longer everything may take than in a release build.
#if defined(__SANITIZE_THREAD__)
inline constexpr int kSlowdown = 10;
#elif defined(__SANITIZE_ADDRESS__)
inline constexpr int kSlowdown = 4;
#else
inline constexpr int kSlowdown = 1;
#endif

/// A number from the environment, so that a long run or a failed one can be asked for.
inline std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 0);
}

/// Counts of all instances of one test. It outlives the pool and the leases.
struct Population {
  std::atomic<std::uint64_t> constructed{0};
  std::atomic<std::uint64_t> destroyed{0};
  std::atomic<std::uint64_t> misuses{0};  ///< two users at once, or destroyed while used
  [[nodiscard]] std::uint64_t alive() const { return constructed.load() - destroyed.load(); }
};

/// The pooled instance. Its counter is not atomic on purpose: the thread sanitizer reports an unordered hand-over.
class Probe {
 public:
  explicit Probe(Population& population) : population_(population) { population_.constructed.fetch_add(1); }
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;
  ~Probe() {
    if (users_.load() != 0) population_.misuses.fetch_add(1);
    population_.destroyed.fetch_add(1);
  }

  /// Marks the instance as used for a scope.
  class [[nodiscard]] Use {
   public:
    explicit Use(Probe& probe) : probe_(probe) {
      if (probe_.users_.fetch_add(1, std::memory_order_relaxed) != 0) probe_.population_.misuses.fetch_add(1);
      ++probe_.uses;
    }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    ~Use() { probe_.users_.fetch_sub(1, std::memory_order_relaxed); }

   private:
    Probe& probe_;
  };
  Use use() { return Use(*this); }

  std::uint64_t uses = 0;

 private:
  Population& population_;
  std::atomic<int> users_{0};
};

/// Holds whoever passes until it is opened.
class Gate {
 public:
  void pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
    --waiting_;
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  /// @return false when the time was up before n stood at the gate
  [[nodiscard]] bool wait_for_arrivals(int n, nanoseconds timeout = 10s * kSlowdown) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, timeout, [&] { return waiting_ >= n; });
  }
  [[nodiscard]] int waiting() {
    const std::lock_guard lock(mutex_);
    return waiting_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int waiting_ = 0;
  bool open_ = false;
};

/// Opens gates when the scope ends, however it ends, so that no thread is left behind one.
class OpenAtEnd {
 public:
  explicit OpenAtEnd(Gate& gate) : gate_(gate) {}
  OpenAtEnd(const OpenAtEnd&) = delete;
  OpenAtEnd& operator=(const OpenAtEnd&) = delete;
  ~OpenAtEnd() { gate_.open(); }

 private:
  Gate& gate_;
};

/// Waits for a condition that nobody signals. @return false when the time was up first
template <class Condition>
[[nodiscard]] bool eventually(Condition&& condition, nanoseconds timeout = 10s * kSlowdown) {
  const auto end = Clock::now() + timeout;
  while (!condition()) {
    if (Clock::now() >= end) return false;
    std::this_thread::sleep_for(50us);
  }
  return true;
}

/// A population and the factory that adds to it.
struct Fixture {
  Population population;
  ModelPool<Probe>::Factory factory() {
    return [this] { return std::make_unique<Probe>(population); };
  }
};

/// @return whether function() threw an E; other exceptions go on
template <class E, class Function>
bool throws(Function&& function) {
  try {
    function();
  } catch (const E&) {
    return true;
  }
  return false;
}

/// @return false when there were never n callers in the queue
[[nodiscard]] inline bool waiting(const ModelPool<Probe>& pool, std::size_t n) {
  return eventually([&] { return pool.stats().waiting == n; });
}

/// The invariants of every snapshot.
[[nodiscard]] inline bool consistent(const PoolStats& stats) {
  return stats.size <= stats.max_size && stats.idle + stats.leased + stats.creating + stats.retiring == stats.size;
}

[[nodiscard]] inline std::string summary(const PoolStats& stats) {
  return "size=" + std::to_string(stats.size) + " idle=" + std::to_string(stats.idle) +
         " leased=" + std::to_string(stats.leased) + " creating=" + std::to_string(stats.creating) +
         " retiring=" + std::to_string(stats.retiring) + " waiting=" + std::to_string(stats.waiting) +
         " max=" + std::to_string(stats.max_size) + " target=" + std::to_string(stats.target_max_size) +
         " paused=" + std::to_string(stats.paused) + " closed=" + std::to_string(stats.closed) + " " +
         stats.last_create_error;
}

/// Ends the program with a message when nothing has moved for a while: a hang is a failure with a reason, not a time-out.
class Watchdog {
 public:
  using Progress = std::function<std::uint64_t()>;
  using Describe = std::function<std::string()>;

  explicit Watchdog(Progress progress, Describe describe, nanoseconds patience = 30s * kSlowdown)
      : thread_([=, this](const std::stop_token& stop) { watch(stop, progress, describe, patience); }) {}
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  ~Watchdog() {
    thread_.request_stop();
    changed_.notify_all();
  }

 private:
  void watch(const std::stop_token& stop, const Progress& progress, const Describe& describe, nanoseconds patience) {
    std::uint64_t seen = progress();
    auto since = Clock::now();
    std::unique_lock lock(mutex_);
    while (!changed_.wait_for(lock, 100ms, [&] { return stop.stop_requested(); })) {
      const std::uint64_t now = progress();
      if (now != seen) {
        seen = now;
        since = Clock::now();
      } else if (Clock::now() - since > patience) {
        std::fputs(("hang: nothing moved; " + describe() + "\n").c_str(), stderr);
        std::_Exit(3);
      }
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::jthread thread_;
};

/// Watches one pool: a request that ends, an instance made or destroyed is progress.
template <class T>
inline Watchdog watch(const ModelPool<T>& pool, nanoseconds patience = 30s * kSlowdown) {
  return Watchdog(
      [&pool] {
        const PoolStats stats = pool.stats();
        return stats.requests + stats.created + stats.destroyed + stats.create_failed + stats.detached;
      },
      [&pool] { return summary(pool.stats()); }, patience);
}

/// Runs function(i) on n threads and joins them. @return what() of every exception that left one
template <class Function>
[[nodiscard]] std::vector<std::string> run_threads(int n, Function function) {
  std::mutex mutex;
  std::vector<std::string> escaped;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < n; ++i)
      threads.emplace_back([&, i] {
        try {
          function(i);
        } catch (const std::exception& error) {
          const std::lock_guard lock(mutex);
          escaped.emplace_back(error.what());
        }
      });
  }
  return escaped;
}

}  // namespace modelpool::test
