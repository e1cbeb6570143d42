// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "modelpool/pool/detail/pool_core.hpp"

/// PoolCore: the rules that hold after every change.
namespace modelpool::detail {

template <class P>
void PoolCore<P>::settle_locked(Deferred& d) {
  if (needs_gate_locked()) close_gate_locked();
  if (closed_ || draining_) {
    refuse_all_locked(d);
    if (P::defect() == Defect::closed_not_rechecked && created_ > 0) return;
    retire_idle_locked(0, draining_ ? DestroyReason::cleaned : DestroyReason::closed, d);
  } else {
    if (has_surplus_locked()) retire_idle_locked(max_size_, DestroyReason::shrunk, d);
    if (gated_) serve_queue_locked(d);
  }
  if (!watchers_.empty()) wake_watchers_locked(d);
  request_creators_locked(d);
  if (gated_ && !needs_gate_locked()) open_gate_locked();
  if (!gated_ && !queue_.empty()) invite_first_locked(d);
  if (orphaned_ && unused_locked()) d.free_core = true;
}

template <class P>
bool PoolCore<P>::needs_gate_locked() const {
  if (closed_ || draining_ || paused_ || exclusive_depth_ > 0 || exclusive_waiting_ > 0) return true;
  if (!watchers_.empty() || size_ > max_size_) return true;
  if (queue_.empty()) return false;
  return settings_.fairness == Fairness::fifo || first_is_overdue_locked();
}

template <class P>
bool PoolCore<P>::first_is_overdue_locked() const {
  return P::now() - queue_.front()->since >= settings_.max_bypass.count();
}

template <class P>
void PoolCore<P>::close_gate_locked() {
  if (gated_) return;
  gated_ = true;
  gate_.store(orphaned_ ? kOrphaned : kGated, std::memory_order_release);
  if (P::defect() == Defect::check_then_park) return;
  for (SlotType& slot : slots()) {
    slot.word.fetch_or(kWanted, std::memory_order_acq_rel);
  }
}

// Leased slots keep their marks: each costs its holder one visit to the slow path.
template <class P>
void PoolCore<P>::open_gate_locked() {
  gated_ = false;
  for (SlotType& slot : slots()) {
    const std::uint32_t word = slot.word.load(std::memory_order_relaxed);
    if (word == slot_word(SlotState::idle, true))
      slot.word.store(slot_word(SlotState::idle), std::memory_order_release);
  }
  gate_.store(kOpen, std::memory_order_release);
}

template <class P>
void PoolCore<P>::serve_queue_locked(Deferred& d) {
  while (!queue_.empty()) {
    WaiterType& first = *queue_.front();
    if (!servable_locked(first)) return;
    if (first.kind == WaitKind::exclusive) {
      if (count_locked().leased > 0 && P::defect() != Defect::exclusive_passes_a_lease) return;
      ++exclusive_depth_;
      exclusive_owner_ = first.thread;
      first.period = ++exclusive_period_;
    } else {
      first.slot = claim_locked(first.thread);
      if (first.slot == nullptr) return;
    }
    unlink_locked(first);
    complete_locked(first, WaitResult::granted, d);
  }
}

template <class P>
bool PoolCore<P>::servable_locked(const WaiterType& waiter) const {
  return exclusive_depth_ > 0 ? waiter.reentrant : !paused_;
}

// See Note [Throughput mode].
template <class P>
void PoolCore<P>::invite_first_locked(Deferred& d) {
  if (notified_ != nullptr) return;
  bool idle = false;
  for (SlotType& slot : slots()) {
    if (idle || slot.word.load(std::memory_order_relaxed) == slot_word(SlotState::leased, true)) continue;
    if (slot_state(slot.word.fetch_or(kWanted, std::memory_order_acq_rel)) != SlotState::idle) continue;
    slot.word.store(slot_word(SlotState::idle), std::memory_order_release);
    idle = true;
  }
  if (!idle) return;
  notified_ = queue_.front();
  notified_->notified = true;
  d.notify = notified_;
}

template <class P>
void PoolCore<P>::refuse_all_locked(Deferred& d) {
  while (!queue_.empty()) {
    WaiterType& first = *queue_.front();
    ++rejected_;
    unlink_locked(first);
    complete_locked(first, WaitResult::closed, d);
  }
}

template <class P>
void PoolCore<P>::wake_watchers_locked(Deferred& d) {
  const Counts counts = count_locked();
  for (WaiterType* watcher = watchers_.front(); watcher != nullptr;) {
    WaiterType* const next = watcher->next;
    const WaitResult result = watch_result_locked(*watcher, counts);
    if (result != WaitResult::none) {
      watchers_.remove(*watcher);
      complete_locked(*watcher, result, d);
    }
    watcher = next;
  }
}

// none: it has to wait on.
template <class P>
WaitResult PoolCore<P>::watch_result_locked(const WaiterType& watcher, const Counts& counts) const {
  if (watcher.kind == WaitKind::warm) {
    if (closed_ || draining_) return WaitResult::closed;
    if (watcher.threshold > max_size_) return WaitResult::impossible;
  }
  return holds_locked(watcher, counts) ? WaitResult::granted : WaitResult::none;
}

template <class P>
bool PoolCore<P>::holds_locked(const WaiterType& watcher, const Counts& counts) const {
  switch (watcher.kind) {
    case WaitKind::available:
      return counts.leased < watcher.threshold;
    case WaitKind::warm:
      return counts.idle + counts.leased >= watcher.threshold;
    case WaitKind::drained:
      return counts.leased == 0 && counts.retiring == 0 && creating_ == 0;
    default:
      return creators_ == 0 && !keeper_runs_;
  }
}

template <class P>
typename PoolCore<P>::Counts PoolCore<P>::count_locked() const {
  Counts counts;
  for (const SlotType& slot : slots()) {
    switch (slot_state(slot.word.load(std::memory_order_acquire))) {
      case SlotState::idle:
        ++counts.idle;
        break;
      case SlotState::leased:
        ++counts.leased;
        break;
      case SlotState::creating:
        ++counts.creating;
        break;
      case SlotState::retiring:
        ++counts.retiring;
        break;
      default:
        break;
    }
  }
  return counts;
}

template <class P>
bool PoolCore<P>::unused_locked() const {
  if (creators_ > 0 || keeper_runs_ || exclusive_depth_ > 0 || exclusive_cut_off_ > 0 || !queue_.empty() ||
      !watchers_.empty())
    return false;
  for (const auto& slot : slots_)
    if (slot_state(slot->word.load(std::memory_order_acquire)) != SlotState::empty) return false;
  return true;
}

template <class P>
std::uint32_t PoolCore<P>::idle_word_locked() const {
  return slot_word(SlotState::idle, gated_ && P::defect() != Defect::newcomer_barges);
}

template <class P>
typename PoolCore<P>::SlotType* PoolCore<P>::claim_locked(std::uint64_t thread) {
  for (SlotType& slot : slots()) {
    std::uint32_t word = slot.word.load(std::memory_order_relaxed);
    if (slot_state(word) != SlotState::idle) continue;
    if (P::defect() == Defect::double_hand_off && gated_) return slot.holder.store(thread), &slot;
    if (!slot.word.compare_exchange_strong(word, slot_word(SlotState::leased, gated_), std::memory_order_acq_rel))
      continue;
    slot.holder.store(thread);  // before the thread runs: it, and the last holder, may ask for another one meanwhile
    return &slot;
  }
  return nullptr;
}

template <class P>
typename PoolCore<P>::SlotType* PoolCore<P>::find_empty_locked() {
  for (SlotType& slot : slots())
    if (slot_state(slot.word.load(std::memory_order_relaxed)) == SlotState::empty) return &slot;
  return nullptr;
}

template <class P>
bool PoolCore<P>::retire_if_idle_locked(SlotType& slot, DestroyReason reason, Deferred& d) {
  std::uint32_t word = slot.word.load(std::memory_order_relaxed);
  if (slot_state(word) != SlotState::idle && P::defect() != Defect::destroyed_while_leased) return false;
  if (slot_state(word) != SlotState::idle && slot_state(word) != SlotState::leased) return false;
  if (!slot.word.compare_exchange_strong(word, slot_word(SlotState::retiring, true), std::memory_order_acq_rel))
    return false;
  retire_locked(slot, reason, d);
  return true;
}

template <class P>
void PoolCore<P>::retire_locked(SlotType& slot, DestroyReason reason, Deferred& d) {
  slot.word.store(slot_word(SlotState::retiring, true), std::memory_order_release);
  slot.reason = reason;
  slot.next = d.retire;
  d.retire = &slot;
  if (slot.in_table) ++retiring_;
}

// Destroys idle instances until `limit` remain that are idle, leased or being created, or no idle one is left.
template <class P>
std::size_t PoolCore<P>::retire_idle_locked(std::size_t limit, DestroyReason reason, Deferred& d) {
  std::size_t retired = 0;
  for (SlotType& slot : slots()) {
    if (size_ - retiring_ > limit && retire_if_idle_locked(slot, reason, d)) ++retired;
  }
  return retired;
}

template <class P>
bool PoolCore<P>::has_surplus_locked() const {
  return size_ - retiring_ > max_size_;
}

// The instance is gone, or was never there.
template <class P>
void PoolCore<P>::clear_slot_locked(SlotType& slot) {
  slot.object = nullptr;
  slot.expires_at = kNever;
  slot.word.store(slot_word(SlotState::empty), std::memory_order_release);
  if (slot.in_table) {
    --size_;
  } else {
    slot.next = spare_;
    spare_ = &slot;
  }
}

template <class P>
typename PoolCore<P>::SlotType* PoolCore<P>::new_slot_locked() {
  if (spare_ != nullptr) {
    SlotType* slot = spare_;
    spare_ = slot->next;
    slot->next = nullptr;
    slot->in_table = true;
    return slot;
  }
  slots_.push_back(std::make_unique<SlotType>());
  slots_.back()->core = this;
  return slots_.back().get();
}

// Readers may still use the old table, so it is kept; each is at least twice as large as the one before.
template <class P>
void PoolCore<P>::grow_table_locked(std::size_t count) {
  const Table* old = tables_.empty() ? nullptr : tables_.back().get();
  const std::size_t have = old ? old->count : 0;
  if (count <= have) return;
  if (old != nullptr && count < 2 * have) count = 2 * have;
  auto table = std::make_unique<Table>(count);
  tables_.reserve(tables_.size() + 1);
  for (std::size_t i = 0; i < count; ++i)
    table->slots[i].store(i < have ? old->slots[i].load(std::memory_order_relaxed) : new_slot_locked(),
                          std::memory_order_relaxed);
  tables_.push_back(std::move(table));
  table_.store(tables_.back().get(), std::memory_order_release);
}

// cleanup's last resort: leased slots leave the table with their holders, fresh ones take their places.
template <class P>
void PoolCore<P>::cut_off_leases_locked(CleanupReport& report) {
  const Table& table = *table_.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < table.count; ++i) {
    SlotType& slot = *table.slots[i].load(std::memory_order_acquire);
    if (slot_state(slot.word.load(std::memory_order_relaxed)) != SlotState::leased) continue;
    table.slots[i].store(new_slot_locked(), std::memory_order_release);
    slot.word.store(slot_word(SlotState::detached, true), std::memory_order_release);
    slot.in_table = false;
    --size_;
    ++detached_;
    ++report.detached;
  }
  exclusive_cut_off_ += exclusive_depth_;
  exclusive_depth_ = 0;
  exclusive_owner_ = 0;
  ++exclusive_period_;
}

template <class P>
void PoolCore<P>::run(Deferred& d) noexcept {
  for (;;) {
    for (WaiterType* waiter = d.first_wake; waiter != nullptr;) {
      WaiterType* const next = waiter->wake_next;
      waiter->parker.signal(Parker<P>::kDone);  // from here on the waiter may be gone
      waiter = next;
    }
    if (d.notify != nullptr) d.notify->parker.signal(Parker<P>::kNotify);
    for (; d.spawn_creators > 0; --d.spawn_creators)
      if (!P::spawn(&creator_entry, this)) creator_not_started();
    if (d.spawn_keeper && !P::spawn(&keeper_entry, this)) {
      Guard lock(mutex_);
      keeper_runs_ = false;
    }
    if (d.object != nullptr) destroy_object(d.object, d.object_serial, 0, DestroyReason::closed, d.done);
    if (d.free_core) {
      delete this;
      return;
    }
    if (d.retire == nullptr) return;
    Deferred next;
    next.done = d.done;
    destroy_retired(d, next);
    d = next;
  }
}

template <class P>
void PoolCore<P>::destroy_retired(Deferred& d, Deferred& next) noexcept {
  const Nanos now = P::now();
  for (SlotType* slot = d.retire; slot != nullptr; slot = slot->next)
    destroy_object(slot->object, slot->serial, now - slot->created_at, slot->reason, next.done);
  Guard lock(mutex_);
  destroyed_bytes_ += next.done.bytes - d.done.bytes;
  while (d.retire != nullptr) {
    SlotType& slot = *d.retire;
    d.retire = slot.next;
    ++destroyed_by_[static_cast<std::size_t>(slot.reason)];
    if (slot.in_table) --retiring_;
    clear_slot_locked(slot);
  }
  settle_locked(next);
}

template <class P>
void PoolCore<P>::destroy_object(void* object, std::uint64_t serial, Nanos age, DestroyReason reason,
                                 ShrinkReport& done) noexcept {
  done.bytes += ops_->bytes(object);
  ++done.destroyed;
  if (!orphaned()) ops_->before_destroy(serial, age, reason);
  ops_->destroy(object);
}

}  // namespace modelpool::detail
