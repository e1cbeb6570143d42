// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <utility>

#include "modelpool/pool/detail/pool_core.hpp"

/// PoolCore: how a lease begins and ends.
namespace modelpool::detail {

template <class P>
typename PoolCore<P>::SlotType* PoolCore<P>::find_idle(std::uint64_t token) noexcept {
  const Table& table = *table_.load(std::memory_order_acquire);
  std::size_t i = static_cast<std::size_t>(token >> kSystemIdBits) % table.count;  // threads start at different slots
  for (std::size_t n = 0; n < table.count; ++n) {
    SlotType& slot = *table.slots[i].load(std::memory_order_acquire);
    if (slot.word.load(std::memory_order_relaxed) == slot_word(SlotState::idle) && take(slot)) return &slot;
    if (++i == table.count) i = 0;
  }
  return nullptr;
}

template <class P>
typename PoolCore<P>::SlotType* PoolCore<P>::try_acquire() noexcept {
  if (SlotType* slot = try_fast()) return slot;
  const std::uint64_t thread = P::thread_cache().token;
  SlotType* slot = nullptr;
  {
    Guard lock(mutex_);
    WaiterType newcomer;
    newcomer.thread = thread;
    newcomer.reentrant = exclusive_depth_ > 0 && exclusive_owner_ == thread;
    if (!closed_ && !draining_ && may_pass_locked(newcomer)) slot = claim_locked(thread);
  }
  if (slot == nullptr) return nullptr;
  slot->direct.add(1);
  begin_lease(*slot, thread);
  return slot;
}

template <class P>
typename PoolCore<P>::Outcome PoolCore<P>::acquire(const Request& request) noexcept {
  WaiterType waiter;
  waiter.kind = request.kind;
  waiter.thread = P::thread_cache().token;
  waiter.since = P::now();
  Nanos spin = 0;
  AcquireStatus status;
  Deferred d;
  {
    Guard lock(mutex_);
    status = admit_locked(waiter, request, spin, d);
  }
  run(d);
  if (status == AcquireStatus::queued) return wait(waiter, request, spin);
  if (waiter.slot != nullptr) {
    waiter.slot->direct.add(1);
    begin_lease(*waiter.slot, waiter.thread);
  }
  return {.status = status, .slot = waiter.slot, .period = waiter.period};
}

template <class P>
AcquireStatus PoolCore<P>::admit_locked(WaiterType& waiter, const Request& request, Nanos& spin, Deferred& d) {
  if (closed_ || draining_) return ++rejected_, AcquireStatus::closed;
  waiter.reentrant = exclusive_depth_ > 0 && exclusive_owner_ == waiter.thread;
  if (waiter.kind == WaitKind::exclusive && waiter.reentrant) {
    waiter.period = exclusive_period_;
    return ++exclusive_depth_, AcquireStatus::granted;
  }
  if (waiter.kind == WaitKind::lease && may_pass_locked(waiter)) {
    waiter.slot = claim_locked(waiter.thread);
    if (waiter.slot != nullptr) return AcquireStatus::granted;
  }
  if (would_deadlock_locked(waiter)) return ++rejected_, AcquireStatus::deadlock;
  const bool at_front = waiter.reentrant || request.at_front;
  if (!at_front && too_many_waiting_locked()) return ++rejected_, AcquireStatus::overloaded;
  queue_locked(waiter, at_front);
  if (queue_.size() > waiting_peak_) waiting_peak_ = queue_.size();
  spin = queue_.size() < processors_ ? kSpin : 0;
  settle_locked(d);
  return AcquireStatus::queued;
}

// Whether this caller may take an idle instance now, rather than queue.
template <class P>
bool PoolCore<P>::may_pass_locked(const WaiterType& waiter) const {
  if (waiter.reentrant) return true;
  if (paused_ || exclusive_depth_ > 0) return false;
  return queue_.empty() || !gated_;
}

// Callers for whom an instance is being created, or can be, are not in the way of others.
template <class P>
bool PoolCore<P>::too_many_waiting_locked() const {
  if (!settings_.max_waiting) return false;
  const std::size_t room = paused_ || exclusive_depth_ > 0 ? 0 : room_to_create_locked();
  return queue_.size() >= room && queue_.size() - room >= *settings_.max_waiting;
}

// Every instance that this caller could wait for is held by itself.
template <class P>
bool PoolCore<P>::would_deadlock_locked(const WaiterType& waiter) const {
  const std::size_t leased_here = leased_by_locked(waiter.thread);
  if (waiter.kind == WaitKind::exclusive) return leased_here > 0;
  return leased_here > 0 && leased_here == size_ && size_ >= max_size_;
}

template <class P>
std::size_t PoolCore<P>::leased_by_locked(std::uint64_t thread) const {
  std::size_t leased_here = 0;
  for (const SlotType& slot : slots()) {
    if (slot_state(slot.word.load(std::memory_order_relaxed)) == SlotState::leased && slot.holder.load() == thread)
      ++leased_here;
  }
  return leased_here;
}

// Behind all others; but one who holds a lease stands before those who wait for exclusive access, because they wait for
// that lease to end: behind them it would wait for itself.
template <class P>
void PoolCore<P>::queue_locked(WaiterType& waiter, bool at_front) {
  WaiterType* place = at_front ? queue_.front() : nullptr;
  if (!at_front && exclusive_waiting_ > 0 && waiter.kind == WaitKind::lease && leased_by_locked(waiter.thread) > 0) {
    place = queue_.front();
    while (place->kind != WaitKind::exclusive) place = place->next;
  }
  queue_.insert_before(place, waiter);
  if (waiter.kind == WaitKind::exclusive) ++exclusive_waiting_;
}

template <class P>
typename PoolCore<P>::Outcome PoolCore<P>::wait(WaiterType& waiter, const Request& request, Nanos spin) noexcept {
  Outcome outcome{.status = AcquireStatus::queued};
  sleep(waiter, request, spin, outcome);
  if (waiter.notified)
    waiter.parker.wait(Parker<P>::kNotify, kNever, 0);  // promised: somebody will still touch the waiter
  outcome.waited = P::now() - waiter.since;
  if (outcome.status != AcquireStatus::queued) return outcome;  // gave up
  if (waiter.result == WaitResult::granted) {
    outcome.status = AcquireStatus::granted;
    outcome.slot = waiter.slot;
    outcome.period = waiter.period;
    if (waiter.slot == nullptr) return outcome;  // exclusive
    waiter.slot->wait.record(outcome.waited);
    begin_lease(*waiter.slot, waiter.thread);
    return outcome;
  }
  outcome.status = waiter.result == WaitResult::failed ? AcquireStatus::failed : AcquireStatus::closed;
  outcome.cause = std::move(waiter.cause);
  return outcome;
}

// Until the waiter has its result, or has left the queue (then outcome.status says why).
template <class P>
void PoolCore<P>::sleep(WaiterType& waiter, const Request& request, Nanos spin, Outcome& outcome) noexcept {
  constexpr auto kDone = Parker<P>::kDone, kNotify = Parker<P>::kNotify, kCancel = Parker<P>::kCancel;
  const auto cancel = [&waiter] { waiter.parker.signal(kCancel); };
  std::optional<typename P::template StopCallback<decltype(cancel)>> callback;  // made and destroyed outside the mutex
  if (request.stop.stop_possible()) callback.emplace(request.stop, cancel);
  for (;;) {
    const std::uint32_t bits = waiter.parker.wait(kDone | kNotify | kCancel, request.deadline, spin);
    if ((bits & kDone) != 0) return;
    if ((bits & kNotify) != 0) {
      if (retry(waiter)) return;
    } else if (give_up(waiter, (bits & kCancel) != 0, outcome)) {
      return;
    } else {  // served in the same moment: that counts
      waiter.parker.wait(kDone, kNever, 0);
      return;
    }
  }
}

// Throughput mode: the notified waiter looks for an idle instance. @return true when it has one
template <class P>
bool PoolCore<P>::retry(WaiterType& waiter) noexcept {
  bool served = false;
  Deferred d;
  {
    Guard lock(mutex_);
    waiter.notified = false;
    if (notified_ == &waiter) notified_ = nullptr;
    waiter.parker.clear(Parker<P>::kNotify);
    if (waiter.result != WaitResult::none) return false;
    if (servable_locked(waiter) && !gated_ && waiter.kind == WaitKind::lease) waiter.slot = claim_locked(waiter.thread);
    if (waiter.slot != nullptr) {
      unlink_locked(waiter);
      waiter.result = WaitResult::granted;
      served = true;
    }
    settle_locked(d);
  }
  run(d);
  return served;
}

// @return false when the waiter has its result already
template <class P>
bool PoolCore<P>::give_up(WaiterType& waiter, bool cancelled, Outcome& outcome) noexcept {
  Deferred d;
  {
    Guard lock(mutex_);
    if (waiter.result != WaitResult::none && P::defect() != Defect::baton_dropped_on_timeout) return false;
    if (P::defect() == Defect::cancelled_waiter_not_removed && cancelled) queue_.push_front(*new WaiterType);
    if (waiter.result == WaitResult::none) unlink_locked(waiter);
    outcome.status = cancelled ? AcquireStatus::cancelled : AcquireStatus::timed_out;
    outcome.creating =
        waiter.kind == WaitKind::lease && (creating_ > 0 || (size_ < max_size_ && !paused_ && exclusive_depth_ == 0));
    ++(cancelled ? cancelled_ : timeouts_);
    if (!cancelled && waiter.kind == WaitKind::lease && creating_ == 0) creation_owed_ = true;
    settle_locked(d);  // the next one may be served, or must be notified in this one's place
  }
  run(d);
  return true;
}

template <class P>
void PoolCore<P>::unlink_locked(WaiterType& waiter) {
  queue_.remove(waiter);
  if (waiter.kind == WaitKind::exclusive) --exclusive_waiting_;
  if (notified_ == &waiter) notified_ = nullptr;
}

template <class P>
void PoolCore<P>::complete_locked(WaiterType& waiter, WaitResult result, Deferred& d) {
  waiter.result = result;
  (d.last_wake ? d.last_wake->wake_next : d.first_wake) = &waiter;
  d.last_wake = &waiter;
}

template <class P>
Nanos PoolCore<P>::measure_hold(SlotType& slot) noexcept {
  const bool sampled = settings_.timing == Timing::sampled;
  const Nanos held = stamp_to_nanos(P::stamp(clock_.tsc) - slot.stamp.load());
  slot.hold.record(held, slot.hold_weight);
  slot.hold_skip = sampled && held < kShortHold ? 15 : 0;
  slot.hold_weight = slot.hold_skip + 1;
  return held;
}

template <class P>
void PoolCore<P>::release(SlotType& slot, std::optional<DestroyReason> reason) noexcept {
  Deferred d;
  {
    Guard lock(mutex_);
    reason = fate_locked(slot, reason);
    if (reason) {
      retire_locked(slot, *reason, d);
    } else {
      slot.word.store(idle_word_locked(), std::memory_order_release);
    }
    if (P::defect() != Defect::missed_wake_on_release) settle_locked(d);
  }
  run(d);
}

// Why a slot whose lease ends is to be destroyed; nullopt: it is kept.
template <class P>
std::optional<DestroyReason> PoolCore<P>::fate_locked(const SlotType& slot, std::optional<DestroyReason> asked) const {
  if (asked) return asked;
  if (!slot.in_table || draining_) return DestroyReason::cleaned;
  if (closed_) return DestroyReason::closed;
  if (has_surplus_locked()) return DestroyReason::shrunk;
  if (slot.expires_at != kNever && P::now() >= slot.expires_at) return DestroyReason::expired;
  return std::nullopt;
}

template <class P>
void* PoolCore<P>::detach(SlotType& slot) noexcept {
  void* object;
  Deferred d;
  {
    Guard lock(mutex_);
    object = slot.object;
    if (slot.in_table) ++detached_;  // else cleanup has counted it
    clear_slot_locked(slot);
    settle_locked(d);
  }
  run(d);
  return object;
}

template <class P>
void PoolCore<P>::end_exclusive(std::uint64_t period) noexcept {
  Deferred d;
  {
    Guard lock(mutex_);
    if (period != exclusive_period_) {
      --exclusive_cut_off_;
    } else if (--exclusive_depth_ == 0) {
      exclusive_owner_ = 0;
    }
    settle_locked(d);
  }
  run(d);
}

template <class P>
void PoolCore<P>::set_exclusive_owner(std::uint64_t period, std::uint64_t thread) noexcept {
  Guard lock(mutex_);
  if (period == exclusive_period_) exclusive_owner_ = thread;
}

template <class P>
bool PoolCore<P>::held_by_this_thread() const noexcept {
  const std::uint64_t thread = P::thread_cache().token;
  for (const SlotType& slot : SlotRange(*table_.load(std::memory_order_acquire))) {
    if (slot.holder.load() == thread) return true;
  }
  if (gate_.load(std::memory_order_relaxed) == kOpen) return false;
  const Guard lock(mutex_);
  return exclusive_depth_ > 0 && exclusive_owner_ == thread;
}

template <class P>
void PoolCore<P>::uncount(SlotType& slot, Nanos waited) noexcept {
  if (waited > 0) {
    slot.wait.record(waited, -1);
  } else {
    slot.direct.add(static_cast<std::uint64_t>(-1));
  }
}

template <class P>
WaitResult PoolCore<P>::wait_until(WaitKind kind, std::size_t threshold, Nanos deadline,
                                   std::exception_ptr& cause) noexcept {
  WaiterType watcher;
  watcher.kind = kind;
  watcher.threshold = threshold;
  Deferred d;
  {
    Guard lock(mutex_);
    watchers_.push_back(watcher);
    settle_locked(d);
  }
  run(d);
  if (watcher.parker.wait(Parker<P>::kDone, deadline, 0) == 0) {
    if (stop_watching(watcher)) return WaitResult::none;
    watcher.parker.wait(Parker<P>::kDone, kNever, 0);
  }
  cause = std::move(watcher.cause);
  return watcher.result;
}

// @return false when the condition has come true already
template <class P>
bool PoolCore<P>::stop_watching(WaiterType& watcher) noexcept {
  Deferred d;
  {
    Guard lock(mutex_);
    if (watcher.result != WaitResult::none) return false;
    watchers_.remove(watcher);
    settle_locked(d);
  }
  run(d);
  return true;
}

}  // namespace modelpool::detail
