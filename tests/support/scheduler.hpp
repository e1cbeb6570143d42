// SPDX-License-Identifier: Apache-2.0
// A deterministic scheduler: runs a few simulated threads on one real one, and repeats that until every interleaving with at
// most `preemptions` pre-emptions has been seen. Threads are pre-empted only where they touch shared state, which they do
// through sim::Platform. Time stands still unless nobody can run, or a time-out is one of the choices.
// (Bounded exhaustive search: Musuvathi, Qadeer, "Iterative context bounding", PLDI 2007.)
#pragma once

#include <ucontext.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "modelpool/detail/thread_annotations.hpp"
#include "modelpool/pool/detail/platform.hpp"

namespace sim {

using modelpool::detail::Defect;
using modelpool::detail::kNever;
using modelpool::detail::Nanos;
using modelpool::detail::ThreadCache;

/// One execution of some threads under a given list of choices.
class Scheduler {
 public:
  static Scheduler& current() { return *current_; }

  /// How an exploration ended.
  struct Report {
    std::size_t executions = 0;
    std::size_t longest = 0;  ///< scheduling points of the longest execution
    bool complete = false;    ///< every interleaving within the bound was seen
    std::string failure;      ///< of the first execution that failed; empty: none did
  };
  /// @param execution  starts the threads of one execution with start(), runs them with run_all(), and tells failures
  static Report explore(unsigned preemptions, std::size_t limit, const std::function<void(Scheduler&)>& execution);

  /// A new simulated thread. It runs when the scheduler chooses it.
  void start(std::function<void()> body);
  /// Runs until every thread has ended. @param free  false: in a fixed order, no choices (set-up and final checks)
  void run_all(bool free);
  void fail(const std::string& what) {
    if (failure_.empty()) failure_ = what;
  }
  [[nodiscard]] std::size_t num_threads() const { return fibers_.size(); }
  [[nodiscard]] bool failed() const { return !failure_.empty(); }

  // For sim::Platform, inside a simulated thread:
  void point();                                                     ///< another thread may run first
  void block(const void* on, Nanos deadline, bool parked = false);  ///< until unblock(on), or the deadline
  void unblock(const void* on);                                     ///< all threads blocked on this
  [[nodiscard]] Nanos now() const { return now_; }
  [[nodiscard]] std::size_t self() const { return running_; }
  [[nodiscard]] bool is_parked(std::size_t thread) const;  ///< in Platform::wait
  [[nodiscard]] ThreadCache& cache();

 private:
  struct Fiber {
    std::function<void()> body;
    ucontext_t context{};
    std::unique_ptr<char[]> stack;
    const void* blocked_on = nullptr;
    Nanos deadline = kNever;
    bool done = false;
    bool parked = false;
    ThreadCache cache;
  };
  struct Choice {
    std::size_t taken, options;
  };
  static constexpr std::size_t kStack = 128 * 1024;
  static constexpr std::size_t kMaxPoints = 20'000;

  static void entry();
  void switch_to(std::size_t next);
  std::size_t choose(std::size_t options);
  void reschedule();
  void list_enabled(std::vector<std::size_t>& enabled) const;
  bool fire_next_timeout();
  bool next_execution(std::vector<Choice>& choices);

  static inline Scheduler* current_ = nullptr;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<std::unique_ptr<char[]>> free_stacks_;
  ucontext_t main_{};
  std::size_t running_ = 0;
  Nanos now_ = 1'000'000'000;
  bool free_ = false;
  bool stuck_ = false;
  unsigned preemptions_ = 0, bound_ = 0;
  std::vector<Choice> choices_;
  std::size_t position_ = 0, points_ = 0;
  std::string failure_;
};

/// std::atomic's part that the pool's core uses. Sequentially consistent, with a scheduling point before each access.
template <class V>
class Atomic {
 public:
  Atomic() = default;
  explicit Atomic(V value) : value_(value) {}
  V load(std::memory_order) const {
    Scheduler::current().point();
    return value_;
  }
  void store(V value, std::memory_order) {
    Scheduler::current().point();
    value_ = value;
  }
  V fetch_or(V bits, std::memory_order) {
    Scheduler::current().point();
    const V old = value_;
    value_ = old | bits;
    return old;
  }
  V fetch_and(V bits, std::memory_order) {
    Scheduler::current().point();
    const V old = value_;
    value_ = old & bits;
    return old;
  }
  bool compare_exchange_strong(V& expected, V desired, std::memory_order) {
    Scheduler::current().point();
    if (value_ != expected) return expected = value_, false;
    value_ = desired;
    return true;
  }
  [[nodiscard]] V peek() const { return value_; }

 private:
  V value_{};
};

/// Pointers (the table and its entries) change under the mutex only and are never freed early: no scheduling points.
template <class V>
class Atomic<V*> {
 public:
  Atomic() = default;
  Atomic(V* value) : value_(value) {}
  V* load(std::memory_order) const { return value_; }
  void store(V* value, std::memory_order) { value_ = value; }

 private:
  V* value_ = nullptr;
};

class MODELPOOL_CAPABILITY("mutex") Mutex {
 public:
  void lock() MODELPOOL_ACQUIRE() {
    Scheduler::current().point();
    while (locked_) Scheduler::current().block(this, kNever);
    locked_ = true;
  }
  void unlock() MODELPOOL_RELEASE() {
    locked_ = false;
    Scheduler::current().unblock(this);
  }

 private:
  bool locked_ = false;
};

/// std::stop_source, std::stop_token and std::stop_callback with scheduling points.
class StopSource {
 public:
  void request_stop() {
    Scheduler::current().point();
    requested_ = true;
    if (!callback_) return;
    running_ = true;
    callback_();
    running_ = false;
    Scheduler::current().unblock(this);
  }

 private:
  friend class StopToken;
  template <class>
  friend class StopCallback;
  bool requested_ = false, running_ = false;
  std::function<void()> callback_;  // one is enough for these tests
};

class StopToken {
 public:
  StopToken() = default;
  explicit StopToken(StopSource& source) : source_(&source) {}
  [[nodiscard]] bool stop_possible() const { return source_ != nullptr; }

 private:
  template <class>
  friend class StopCallback;
  StopSource* source_ = nullptr;
};

template <class F>
class StopCallback {
 public:
  StopCallback(const StopToken& token, const F& function) : source_(*token.source_) {
    Scheduler::current().point();
    if (source_.requested_) {
      function();
    } else {
      source_.callback_ = function;
    }
  }
  ~StopCallback() {
    Scheduler::current().point();
    while (source_.running_) Scheduler::current().block(&source_, kNever);
    source_.callback_ = nullptr;
  }

 private:
  StopSource& source_;
};

struct Platform {
  template <class V>
  using Atomic = sim::Atomic<V>;
  using Mutex = sim::Mutex;
  using StopToken = sim::StopToken;
  template <class F>
  using StopCallback = sim::StopCallback<F>;

  static inline Defect seeded = Defect::none;
  static Defect defect() { return seeded; }
  static ThreadCache& thread_cache() { return Scheduler::current().cache(); }
  static Nanos now() { return Scheduler::current().now(); }
  static modelpool::detail::StampClock stamp_clock() { return {}; }
  static std::uint64_t stamp(bool) { return static_cast<std::uint64_t>(now()); }
  static void relax() {}
  static void wait(Atomic<std::uint32_t>& word, std::uint32_t expected, Nanos deadline) {
    Scheduler::current().point();
    if (word.peek() == expected) Scheduler::current().block(&word, deadline, true);
  }
  static void wake(Atomic<std::uint32_t>& word) {
    Scheduler::current().point();
    Scheduler::current().unblock(&word);
  }
  static unsigned processors() { return 1; }  // no spinning
  static bool spawn(void (*function)(void*), void* argument) {
    Scheduler::current().start([=] { function(argument); });
    return true;
  }
};

}  // namespace sim
