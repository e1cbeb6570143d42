// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>

/// Stand-ins for models, for tests of programs that use pools: no downloads, no LibTorch.
namespace modelpool::testing {

/// A door that threads wait at until a test opens it. Thread safety: any number of threads.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void close() {
    const std::lock_guard lock(mutex_);
    open_ = false;
  }
  /// Blocks while the gate is closed.
  void pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
    --waiting_;
  }
  /// Blocks until n threads wait in pass(). @return false when that took longer than `timeout`
  [[nodiscard]] bool wait_for_waiting(std::size_t n, std::chrono::milliseconds timeout = std::chrono::seconds(10)) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, timeout, [&] { return waiting_ >= n; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  std::size_t waiting_ = 0;
};

/// What all instances of one factory have in common. Thread safety: any number of threads.
struct MockCounters {
  std::atomic<std::size_t> created{0}, destroyed{0}, alive_peak{0}, runs{0};
  std::atomic<std::size_t> overlaps{0};  ///< runs that found another thread inside the same instance
};

/// An instance that notices when two threads use it at once. Every instance belongs to a MockCounters that outlives it.
class MockInstance {
 public:
  explicit MockInstance(std::shared_ptr<MockCounters> counters)
      : counters_(std::move(counters)), serial_(++counters_->created) {
    const std::size_t alive = counters_->created - counters_->destroyed;
    std::size_t peak = counters_->alive_peak;
    while (alive > peak && !counters_->alive_peak.compare_exchange_weak(peak, alive)) {
    }
  }
  MockInstance(const MockInstance&) = delete;
  MockInstance& operator=(const MockInstance&) = delete;
  ~MockInstance() {
    if (inside_ != 0) ++counters_->overlaps;
    ++counters_->destroyed;
  }

  /// Counts a use; `work` runs as its middle.
  void run(const std::function<void()>& work = {}) {
    if (inside_.fetch_add(1) != 0) ++counters_->overlaps;
    ++counters_->runs;
    ++uses_;  // a plain number on purpose: a race on it is found by the thread sanitizer
    if (work) work();
    inside_.fetch_sub(1);
  }
  [[nodiscard]] std::size_t serial() const noexcept { return serial_; }  ///< 1 for the first of its factory
  [[nodiscard]] std::uint64_t uses() const noexcept { return uses_; }

 private:
  std::shared_ptr<MockCounters> counters_;
  std::size_t serial_;
  std::atomic<int> inside_{0};
  std::uint64_t uses_ = 0;
};

/// A factory of MockInstance with faults on request. Copies share its state, so a test keeps one and gives the pool another.
class MockFactory {
 public:
  std::unique_ptr<MockInstance> operator()() const {
    ++state_->calls;
    const std::chrono::nanoseconds delay = state_->delay.load();
    if (state_->gate) state_->gate->pass();
    if (delay.count() > 0) sleep(delay);
    if (state_->failures > 0) {
      --state_->failures;
      throw std::runtime_error("the mock factory was told to fail");
    }
    return std::make_unique<MockInstance>(counters);
  }

  /// Each call takes this long.
  void set_delay(std::chrono::nanoseconds delay) const { state_->delay = delay; }
  /// The next n calls throw std::runtime_error.
  void fail(int n) const { state_->failures = n; }
  /// Calls wait at this gate from now on. Set it before the pool uses the factory.
  void set_gate(std::shared_ptr<Gate> gate) const { state_->gate = std::move(gate); }
  [[nodiscard]] std::size_t calls() const { return state_->calls; }

  std::shared_ptr<MockCounters> counters = std::make_shared<MockCounters>();

 private:
  struct State {
    std::atomic<std::size_t> calls{0};
    std::atomic<int> failures{0};
    std::atomic<std::chrono::nanoseconds> delay{std::chrono::nanoseconds(0)};
    std::shared_ptr<Gate> gate;
  };
  static void sleep(std::chrono::nanoseconds duration) {
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable never;
    const auto end = std::chrono::steady_clock::now() + duration;
    while (std::chrono::steady_clock::now() < end) never.wait_until(lock, end);
  }

  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace modelpool::testing
