// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "modelpool/detail/inlining.hpp"
#include "modelpool/detail/thread_annotations.hpp"
#include "modelpool/pool/detail/platform.hpp"
#include "modelpool/pool/detail/slot.hpp"
#include "modelpool/pool/detail/waiter_queue.hpp"
#include "modelpool/pool/options.hpp"
#include "modelpool/pool/stats.hpp"

// Note [Two modes of a pool]
// Open: idle <-> leased are compare-exchanges on the slot's own word, without the mutex. Gated: every idle slot is reserved
// and every leased one marked (kWanted), so those changes fail and each acquire and release comes to the mutex, where the
// queue is served in order. The first waiter, pause, close, cleanup, exclusive access, wait_available and too large a size
// close the gate; it opens when none of them is left. The marks, not the flag gate_, decide: a thread that has read the
// flag a moment too early still meets the marks. Each race is thus settled by one word, and needs no order between two.
//
// Note [Life of the core]
// A lease that is released on the fast path does not touch the core after its compare-exchange, so the core may be gone by
// then. Closing marks the leased slots, so every later release takes the slow path; the one that finds nothing left frees
// the core. This is why leases need no reference count.
//
// Note [Throughput mode]
// Waiters do not close the gate, they only mark leased slots. The next release leaves its slot idle for whoever comes first
// and notifies the first waiter; until that one has run, releases are unmarked and cost nothing. Having found nothing, it
// marks again. Once it has waited max_bypass it closes the gate and is served as in fifo mode.
namespace modelpool::detail {

/// What the core calls of the user's: the factory, the destructor and the hooks that belong to its own moments. None is
/// called under the mutex. None throws.
class InstanceOps {
 public:
  virtual ~InstanceOps() = default;
  /// @return null when the factory threw or gave nothing; then `cause` is set
  virtual void* create(std::exception_ptr& cause) noexcept = 0;
  virtual void destroy(void* object) noexcept = 0;
  virtual std::size_t bytes(const void* object) noexcept = 0;
  /// Nothing needs to be called when a lease begins or ends.
  [[nodiscard]] virtual bool plain() const noexcept = 0;
  /// Instances were destroyed because nobody needed them: what they occupied may go back to the system.
  virtual void give_memory_back() noexcept {}
  virtual void on_create(std::uint64_t instance, Nanos took) noexcept = 0;
  virtual void before_destroy(std::uint64_t instance, Nanos age, DestroyReason reason) noexcept = 0;
  virtual void on_leak(std::uint64_t instance, std::uint64_t thread, Nanos held) noexcept = 0;
};

/// Defined in src/pool/pool_core.cpp.
[[nodiscard]] std::uint64_t new_pool_id() noexcept;
[[nodiscard]] std::exception_ptr create_timeout_error(Nanos timeout) noexcept;

enum class AcquireStatus { granted, timed_out, cancelled, overloaded, closed, failed, deadlock, queued };

template <class P>
struct AcquireRequest {
  WaitKind kind = WaitKind::lease;
  Nanos deadline = kNever;
  typename P::StopToken stop = {};
  bool at_front = false;  ///< it has been served before, with an instance that turned out to be invalid
};

template <class P>
struct AcquireOutcome {
  AcquireStatus status = AcquireStatus::granted;
  Slot<P>* slot = nullptr;   ///< granted leases only
  std::uint64_t period = 0;  ///< granted exclusive access only: names it when it ends
  Nanos waited = 0;
  bool creating = false;               ///< timed out while a creation was under way or due
  std::exception_ptr cause = nullptr;  ///< failed only
};

template <class P>
class PoolCore {
 public:
  using SlotType = Slot<P>;
  using Request = AcquireRequest<P>;
  using Outcome = AcquireOutcome<P>;

  PoolCore(PoolSettings settings, std::unique_ptr<InstanceOps> ops);
  ~PoolCore();
  PoolCore(const PoolCore&) = delete;
  PoolCore& operator=(const PoolCore&) = delete;

  /// The fast path. @return null when the slow path must decide
  MODELPOOL_ALWAYS_INLINE SlotType* try_fast() noexcept {
    if (gate_.load(std::memory_order_relaxed) != 0 && P::defect() != Defect::newcomer_barges) return nullptr;
    ThreadCache& cache = P::thread_cache();
    ThreadCache::Hint& hint = cache.hints[id_ % ThreadCache::kHints];
    auto* slot = static_cast<SlotType*>(hint.slot);
    if (hint.pool != id_ || !take(*slot)) {
      slot = find_idle(cache.token);
      if (slot == nullptr) return nullptr;
      hint = {id_, slot};
    }
    slot->direct.add(1);
    begin_lease(*slot, cache.token);
    return slot;
  }
  /// Without waiting, in every mode; does not create.
  SlotType* try_acquire() noexcept;
  Outcome acquire(const Request& request) noexcept;

  /// The holder's last act with the instance: ends the measurement of the lease. @return how long it was held; 0: unknown
  MODELPOOL_ALWAYS_INLINE Nanos finish_lease(SlotType& slot) noexcept {
    const Nanos held = settings_.timing == Timing::off ? 0 : end_stamp(slot);
    slot.holder.store(0);
    if (settings_.idle_timeout) [[unlikely]]
      slot.idle_since.store(P::now());
    return held;
  }
  /// After finish_lease. @return false when the slow path must decide; true: the slot, and this core, are no longer ours
  MODELPOOL_ALWAYS_INLINE static bool release_fast(SlotType& slot) noexcept {
    std::uint32_t expected = slot_word(SlotState::leased);
    return slot.word.compare_exchange_strong(expected, slot_word(SlotState::idle), std::memory_order_acq_rel);
  }
  /// After finish_lease. @param reason  destroy the instance instead of keeping it
  void release(SlotType& slot, std::optional<DestroyReason> reason) noexcept;
  /// After finish_lease. The instance leaves the pool. @return it
  void* detach(SlotType& slot) noexcept;
  void end_exclusive(std::uint64_t period) noexcept;
  /// The thread that may acquire during exclusive access; 0: none. Does nothing when cleanup has ended that access.
  void set_exclusive_owner(std::uint64_t period, std::uint64_t thread) noexcept;
  /// It has a lease that was not moved, or exclusive access.
  [[nodiscard]] bool held_by_this_thread() const noexcept;
  /// A lease that validate refused does not count as given.
  void uncount(SlotType& slot, Nanos waited) noexcept;

  /// Blocks until the condition of `kind` holds. @return how it ended; none: the time was up
  WaitResult wait_until(WaitKind kind, std::size_t threshold, Nanos deadline, std::exception_ptr& cause) noexcept;
  ShrinkReport shrink(std::size_t n) noexcept;
  void resize(std::size_t max_size);
  void set_paused(bool paused) noexcept;
  CleanupReport cleanup(Nanos deadline) noexcept;
  bool close(Nanos deadline) noexcept;
  /// The last call of the pool's owner: frees the core, or leaves that to the last lease.
  void orphan(Nanos deadline) noexcept;
  [[nodiscard]] PoolStats stats() const;

  [[nodiscard]] const PoolSettings& settings() const noexcept { return settings_; }
  [[nodiscard]] InstanceOps& ops() const noexcept { return *ops_; }
  /// A lease may begin and end on the fast path alone.
  [[nodiscard]] bool plain() const noexcept { return plain_; }
  void count_late_timeout() noexcept;
  void count_late_cancel() noexcept;
  void count_late_failure() noexcept;
  [[nodiscard]] bool orphaned() const noexcept { return gate_.load(std::memory_order_relaxed) == kOrphaned; }
  /// Over all leases so far; without the rest of stats().
  [[nodiscard]] Nanos average_wait() const noexcept;
  [[nodiscard]] std::size_t waiting() const noexcept;

 private:
  using WaiterType = Waiter<P>;
  using Guard = LockGuard<typename P::Mutex>;
  // What a locked section leaves to be done after unlocking.
  struct Deferred {
    WaiterType* first_wake = nullptr;
    WaiterType* last_wake = nullptr;
    WaiterType* notify = nullptr;
    SlotType* retire = nullptr;
    void* object = nullptr;  // without a slot, to be destroyed
    std::uint64_t object_serial = 0;
    unsigned spawn_creators = 0;
    bool spawn_keeper = false;
    bool free_core = false;
    ShrinkReport done;  // destroyed and bytes are sums over run()
  };
  struct Counts {
    std::size_t idle = 0, leased = 0, creating = 0, retiring = 0;
    [[nodiscard]] std::size_t total() const noexcept { return idle + leased + creating + retiring; }
  };
  // One factory call, on its creator's stack.
  struct Job {
    SlotType* slot = nullptr;  // null: abandoned
    Nanos started = 0;
    Job* previous = nullptr;
    Job* next = nullptr;
  };
  enum class Step { start, wait, stop };
  struct Leak {
    std::uint64_t instance, thread;
    Nanos held;
  };
  struct Table {
    explicit Table(std::size_t n) : count(n), slots(new typename P::template Atomic<SlotType*>[n]) {}
    std::size_t count;
    std::unique_ptr<typename P::template Atomic<SlotType*>[]> slots;
  };
  // The slots of a table, for range-based for.
  class SlotRange {
   public:
    class Iterator {
     public:
      Iterator(const Table& table, std::size_t i) : table_(&table), i_(i) {}
      SlotType& operator*() const { return *table_->slots[i_].load(std::memory_order_acquire); }
      Iterator& operator++() { return ++i_, *this; }
      bool operator!=(const Iterator& other) const { return i_ != other.i_; }

     private:
      const Table* table_;
      std::size_t i_;
    };
    explicit SlotRange(const Table& table) : table_(table) {}
    [[nodiscard]] Iterator begin() const { return {table_, 0}; }
    [[nodiscard]] Iterator end() const { return {table_, table_.count}; }

   private:
    const Table& table_;
  };
  static constexpr std::uint32_t kOpen = 0, kGated = 1, kOrphaned = 2;
  static constexpr std::size_t kMaxAbandoned = 8;  // factory calls past create_timeout, before no more are started
  static constexpr Nanos kSpin = 10'000;           // about the price of a sleep and a wake
  static constexpr Nanos kShortHold = 10'000;

  static bool take(SlotType& slot) noexcept {
    std::uint32_t expected = slot_word(SlotState::idle);
    return slot.word.compare_exchange_strong(expected, slot_word(SlotState::leased), std::memory_order_acq_rel);
  }
  SlotType* find_idle(std::uint64_t token) noexcept;
  void begin_lease(SlotType& slot, std::uint64_t thread) noexcept {
    slot.holder.store(thread);
    if (settings_.timing != Timing::off) slot.stamp.store(P::stamp(clock_.tsc));
  }
  // @return how long the lease was held; 0: it is not one of those that are measured
  MODELPOOL_ALWAYS_INLINE Nanos end_stamp(SlotType& slot) noexcept {
    Nanos held = 0;
    if (slot.hold_skip > 0) {
      --slot.hold_skip;
    } else {
      held = measure_hold(slot);
    }
    slot.stamp.store(0);
    return held;
  }
  Nanos measure_hold(SlotType& slot) noexcept;
  [[nodiscard]] Nanos stamp_to_nanos(std::uint64_t ticks) const noexcept {
    return static_cast<Nanos>(static_cast<double>(ticks) * clock_.nanos_per_tick);
  }

  // acquire
  AcquireStatus admit_locked(WaiterType& waiter, const Request& request, Nanos& spin, Deferred& d)
      MODELPOOL_REQUIRES(mutex_);
  [[nodiscard]] bool may_pass_locked(const WaiterType& waiter) const MODELPOOL_REQUIRES(mutex_);
  [[nodiscard]] bool too_many_waiting_locked() const MODELPOOL_REQUIRES(mutex_);
  [[nodiscard]] bool would_deadlock_locked(const WaiterType& waiter) const MODELPOOL_REQUIRES(mutex_);
  [[nodiscard]] std::size_t leased_by_locked(std::uint64_t thread) const MODELPOOL_REQUIRES(mutex_);
  void queue_locked(WaiterType& waiter, bool at_front) MODELPOOL_REQUIRES(mutex_);
  Outcome wait(WaiterType& waiter, const Request& request, Nanos spin) noexcept;
  void sleep(WaiterType& waiter, const Request& request, Nanos spin, Outcome& outcome) noexcept;
  bool retry(WaiterType& waiter) noexcept;
  bool give_up(WaiterType& waiter, bool cancelled, Outcome& outcome) noexcept;
  bool stop_watching(WaiterType& watcher) noexcept;
  void unlink_locked(WaiterType& waiter) MODELPOOL_REQUIRES(mutex_);
  void complete_locked(WaiterType& waiter, WaitResult result, Deferred& d) MODELPOOL_REQUIRES(mutex_);

  // the rules: settle_locked re-establishes all of them after any change
  void settle_locked(Deferred& d) MODELPOOL_REQUIRES(mutex_);
  [[nodiscard]] bool needs_gate_locked() const MODELPOOL_REQUIRES(mutex_);
  [[nodiscard]] bool first_is_overdue_locked() const MODELPOOL_REQUIRES(mutex_);
  void close_gate_locked() MODELPOOL_REQUIRES(mutex_);
  void open_gate_locked() MODELPOOL_REQUIRES(mutex_);
  void serve_queue_locked(Deferred& d) MODELPOOL_REQUIRES(mutex_);
  [[nodiscard]] bool servable_locked(const WaiterType& waiter) const MODELPOOL_REQUIRES(mutex_);
  void invite_first_locked(Deferred& d) MODELPOOL_REQUIRES(mutex_);
  void refuse_all_locked(Deferred& d) MODELPOOL_REQUIRES(mutex_);
  void wake_watchers_locked(Deferred& d) MODELPOOL_REQUIRES(mutex_);
  [[nodiscard]] bool holds_locked(const WaiterType& watcher, const Counts& counts) const MODELPOOL_REQUIRES(mutex_);
  [[nodiscard]] WaitResult watch_result_locked(const WaiterType& watcher, const Counts& counts) const
      MODELPOOL_REQUIRES(mutex_);
  [[nodiscard]] Counts count_locked() const MODELPOOL_REQUIRES(mutex_);
  [[nodiscard]] bool unused_locked() const MODELPOOL_REQUIRES(mutex_);

  // slots
  SlotType* claim_locked(std::uint64_t thread) MODELPOOL_REQUIRES(mutex_);
  SlotType* find_empty_locked() MODELPOOL_REQUIRES(mutex_);
  [[nodiscard]] std::uint32_t idle_word_locked() const MODELPOOL_REQUIRES(mutex_);
  bool retire_if_idle_locked(SlotType& slot, DestroyReason reason, Deferred& d) MODELPOOL_REQUIRES(mutex_);
  void retire_locked(SlotType& slot, DestroyReason reason, Deferred& d) MODELPOOL_REQUIRES(mutex_);
  std::size_t retire_idle_locked(std::size_t limit, DestroyReason reason, Deferred& d) MODELPOOL_REQUIRES(mutex_);
  void clear_slot_locked(SlotType& slot) MODELPOOL_REQUIRES(mutex_);
  [[nodiscard]] bool has_surplus_locked() const MODELPOOL_REQUIRES(mutex_);
  std::optional<DestroyReason> fate_locked(const SlotType& slot, std::optional<DestroyReason> asked) const
      MODELPOOL_REQUIRES(mutex_);
  [[nodiscard]] std::uint64_t count_destroyed_locked() const MODELPOOL_REQUIRES(mutex_);
  void cut_off_leases_locked(CleanupReport& report) MODELPOOL_REQUIRES(mutex_);
  SlotType* new_slot_locked() MODELPOOL_REQUIRES(mutex_);
  void grow_table_locked(std::size_t count) MODELPOOL_REQUIRES(mutex_);

  // creation
  static void creator_entry(void* core) { static_cast<PoolCore*>(core)->create_while_needed(); }
  void create_while_needed() noexcept;
  Step next_step_locked(Job& job, bool& backing_off, Nanos& until) MODELPOOL_REQUIRES(mutex_);
  void run_job(Job& job) noexcept;
  void finish_job_locked(Job& job, void* object, std::uint64_t serial, Nanos took, Deferred& d)
      MODELPOOL_REQUIRES(mutex_);
  void fail_job_locked(Job& job, std::exception_ptr&& cause, Deferred& d) MODELPOOL_REQUIRES(mutex_);
  void publish_locked(SlotType& slot, void* object, std::uint64_t serial) MODELPOOL_REQUIRES(mutex_);
  void link_job_locked(Job& job) MODELPOOL_REQUIRES(mutex_);
  void unlink_job_locked(Job& job) MODELPOOL_REQUIRES(mutex_);
  void abandon_locked(Job& job) MODELPOOL_REQUIRES(mutex_);
  bool tell_one_locked(std::exception_ptr&& cause, Deferred& d) MODELPOOL_REQUIRES(mutex_);
  [[nodiscard]] std::size_t creations_needed_locked() const MODELPOOL_REQUIRES(mutex_);
  [[nodiscard]] std::size_t room_to_create_locked() const MODELPOOL_REQUIRES(mutex_);
  [[nodiscard]] std::size_t demand_locked() const MODELPOOL_REQUIRES(mutex_);
  void request_creators_locked(Deferred& d) MODELPOOL_REQUIRES(mutex_);
  void creator_not_started() noexcept;
  Nanos jittered_locked(Nanos bound) MODELPOOL_REQUIRES(mutex_);
  void back_off_locked() MODELPOOL_REQUIRES(mutex_);

  // maintenance
  static void keeper_entry(void* core) { static_cast<PoolCore*>(core)->keep(); }
  void keep() noexcept;
  [[nodiscard]] bool wants_keeper() const noexcept;
  [[nodiscard]] Nanos keeper_period() const noexcept;
  std::size_t keeper_step_locked(std::array<Leak, 16>& leaks, Deferred& d) MODELPOOL_REQUIRES(mutex_);
  void expire_idle_locked(Nanos now, Deferred& d) MODELPOOL_REQUIRES(mutex_);
  void abandon_slow_creations_locked(Nanos now, Deferred& d) MODELPOOL_REQUIRES(mutex_);
  std::size_t find_leaks_locked(std::array<Leak, 16>& leaks) MODELPOOL_REQUIRES(mutex_);
  void stop_threads_locked() MODELPOOL_REQUIRES(mutex_);

  /// Does what was deferred. May free this core: the caller's last use of it.
  void run(Deferred& d) noexcept MODELPOOL_EXCLUDES(mutex_);
  void destroy_retired(Deferred& d, Deferred& next) noexcept;
  void destroy_object(void* object, std::uint64_t serial, Nanos age, DestroyReason reason, ShrinkReport& done) noexcept;

  [[nodiscard]] SlotRange slots() const { return SlotRange(*table_.load(std::memory_order_acquire)); }

  // Read by every acquire, written rarely.
  const std::uint64_t id_;  // never used twice
  const PoolSettings settings_;
  const StampClock clock_;
  const unsigned processors_;
  const std::unique_ptr<InstanceOps> ops_;
  const bool plain_;
  typename P::template Atomic<Table*> table_{nullptr};
  typename P::template Atomic<std::uint32_t> gate_{kOpen};  // what the fast path looks at first; see Note [Two modes …]

  // Protects what is annotated below and every slot's changes but the two of the fast path. Leaf lock: nothing else is taken
  // under it. Never held while creating, validating, resetting or destroying an instance, nor while calling a hook.
  // After each section (settle_locked):
  //  - size_ is the number of slots in the table that are not empty, and <= max_size_ or on the way down to it;
  //  - gated: no slot is idle without kWanted, none is leased without it;
  //  - the first waiter that may be served could not be: no idle slot (lease), or somebody holds a lease (exclusive);
  //  - waiters and not gated: no slot is idle and all leased ones are marked, or the first waiter is notified;
  //  - as many creators run as creations are needed and allowed;
  //  - closed_ or draining_: the queue is empty and no slot is idle.
  alignas(64) mutable typename P::Mutex mutex_;
  WaiterQueue<P> queue_ MODELPOOL_GUARDED_BY(mutex_);     // leases and exclusive access, in order
  WaiterQueue<P> watchers_ MODELPOOL_GUARDED_BY(mutex_);  // conditions
  WaiterType* notified_ MODELPOOL_GUARDED_BY(mutex_) = nullptr;
  std::size_t size_ MODELPOOL_GUARDED_BY(mutex_) = 0;
  std::size_t max_size_ MODELPOOL_GUARDED_BY(mutex_);
  std::size_t retiring_ MODELPOOL_GUARDED_BY(mutex_) = 0;  // slots in the table being destroyed
  bool gated_ MODELPOOL_GUARDED_BY(mutex_) = false;
  bool paused_ MODELPOOL_GUARDED_BY(mutex_) = false;
  std::size_t draining_ MODELPOOL_GUARDED_BY(mutex_) = 0;  // cleanup() calls under way
  bool closed_ MODELPOOL_GUARDED_BY(mutex_) = false;
  bool orphaned_ MODELPOOL_GUARDED_BY(mutex_) = false;
  std::size_t exclusive_waiting_ MODELPOOL_GUARDED_BY(mutex_) = 0;
  std::size_t exclusive_depth_ MODELPOOL_GUARDED_BY(mutex_) = 0;
  std::uint64_t exclusive_owner_ MODELPOOL_GUARDED_BY(mutex_) = 0;
  std::uint64_t exclusive_period_ MODELPOOL_GUARDED_BY(mutex_) = 0;  // counts from 1
  std::size_t exclusive_cut_off_ MODELPOOL_GUARDED_BY(mutex_) = 0;   // by cleanup, and still to end

  Job* jobs_ MODELPOOL_GUARDED_BY(mutex_) = nullptr;         // factory calls under way and not abandoned
  std::size_t creating_ MODELPOOL_GUARDED_BY(mutex_) = 0;    // their number
  std::size_t creators_ MODELPOOL_GUARDED_BY(mutex_) = 0;    // threads, with those in abandoned calls
  std::size_t abandoned_ MODELPOOL_GUARDED_BY(mutex_) = 0;   // factory calls
  bool creation_owed_ MODELPOOL_GUARDED_BY(mutex_) = false;  // to a caller that left before its creation began
  bool backing_off_ MODELPOOL_GUARDED_BY(mutex_) = false;    // one creator waits for next_create_at_
  unsigned failures_ MODELPOOL_GUARDED_BY(mutex_) = 0;       // in a row
  Nanos next_create_at_ MODELPOOL_GUARDED_BY(mutex_) = 0;
  bool keeper_runs_ MODELPOOL_GUARDED_BY(mutex_) = false;
  std::uint64_t random_ MODELPOOL_GUARDED_BY(mutex_);
  std::uint64_t next_serial_ MODELPOOL_GUARDED_BY(mutex_) = 1;
  Parker<P> backoff_parker_;  // signalled under the mutex only
  Parker<P> keeper_parker_;   // signalled under the mutex only

  std::uint64_t timeouts_ MODELPOOL_GUARDED_BY(mutex_) = 0;
  std::uint64_t cancelled_ MODELPOOL_GUARDED_BY(mutex_) = 0;
  std::uint64_t rejected_ MODELPOOL_GUARDED_BY(mutex_) = 0;
  std::uint64_t failed_ MODELPOOL_GUARDED_BY(mutex_) = 0;
  std::uint64_t created_ MODELPOOL_GUARDED_BY(mutex_) = 0;
  std::uint64_t create_failed_ MODELPOOL_GUARDED_BY(mutex_) = 0;
  std::uint64_t create_timeouts_ MODELPOOL_GUARDED_BY(mutex_) = 0;
  std::uint64_t destroyed_bytes_ MODELPOOL_GUARDED_BY(mutex_) = 0;
  std::array<std::uint64_t, kDestroyReasons> destroyed_by_ MODELPOOL_GUARDED_BY(mutex_){};
  std::uint64_t detached_ MODELPOOL_GUARDED_BY(mutex_) = 0;
  std::uint64_t leaked_ MODELPOOL_GUARDED_BY(mutex_) = 0;
  std::size_t waiting_peak_ MODELPOOL_GUARDED_BY(mutex_) = 0;
  std::string last_create_error_ MODELPOOL_GUARDED_BY(mutex_);
  DurationRecorder create_times_ MODELPOOL_GUARDED_BY(mutex_);

  std::vector<std::unique_ptr<SlotType>> slots_ MODELPOOL_GUARDED_BY(mutex_);  // all that were ever made
  std::vector<std::unique_ptr<Table>> tables_ MODELPOOL_GUARDED_BY(mutex_);    // the last one is in use
  SlotType* spare_ MODELPOOL_GUARDED_BY(mutex_) = nullptr;                     // slots outside the table, for reuse
};

extern template class PoolCore<RealPlatform>;

}  // namespace modelpool::detail
