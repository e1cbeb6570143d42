// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <system_error>
#include <utility>

#include "modelpool/pool/detail/pool_core.hpp"
#include "modelpool/pool/errors.hpp"

/// PoolCore: the threads that create instances and look after them.
namespace modelpool::detail {

// How many creations ought to be under way.
template <class P>
std::size_t PoolCore<P>::creations_needed_locked() const {
  if (closed_ || draining_ || paused_ || abandoned_ >= kMaxAbandoned) return 0;
  const std::size_t room = room_to_create_locked();
  if (room == 0) return 0;
  const Counts counts = count_locked();
  const std::size_t ready = demand_locked() + settings_.min_idle;
  std::size_t needed = ready > counts.idle ? ready - counts.idle : 0;
  for (const WaiterType* watcher = watchers_.front(); watcher != nullptr; watcher = watcher->next) {
    if (watcher->kind != WaitKind::warm || watcher->threshold <= counts.idle + counts.leased) continue;
    needed = needed < watcher->threshold - counts.idle - counts.leased
                 ? watcher->threshold - counts.idle - counts.leased
                 : needed;
  }
  if (needed == 0 && creation_owed_ && counts.idle == 0) needed = 1;
  return needed < room ? needed : room;
}

// Creations that are under way or would find a place.
template <class P>
std::size_t PoolCore<P>::room_to_create_locked() const {
  return creating_ + (size_ < max_size_ ? max_size_ - size_ : 0);
}

// Callers in the queue that an instance would help. Who waits for exclusive access waits for leases to end.
template <class P>
std::size_t PoolCore<P>::demand_locked() const {
  if (exclusive_depth_ == 0) return queue_.size() - exclusive_waiting_;
  std::size_t demand = 0;  // the owner's own calls stand at the front
  for (const WaiterType* waiter = queue_.front(); waiter != nullptr && waiter->reentrant; waiter = waiter->next)
    ++demand;
  return demand;
}

template <class P>
void PoolCore<P>::request_creators_locked(Deferred& d) {
  if (creation_owed_ && (size_ >= max_size_ || count_locked().idle > 0)) creation_owed_ = false;
  if (backing_off_ || (size_ >= max_size_ && creating_ == 0)) return;
  const std::size_t needed = creations_needed_locked();
  const std::size_t allowed = needed < settings_.max_concurrent_creates ? needed : settings_.max_concurrent_creates;
  while (creators_ - abandoned_ < allowed) {
    ++creators_;
    ++d.spawn_creators;
  }
  if (needed > 0 && wants_keeper() && !keeper_runs_) keeper_runs_ = d.spawn_keeper = true;
}

// The system has no more threads: nobody in the queue would be served, so all are told.
template <class P>
void PoolCore<P>::creator_not_started() noexcept {
  Deferred d;
  {
    Guard lock(mutex_);
    --creators_;
    while (tell_one_locked(
        std::make_exception_ptr(std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again),
                                                  "a thread to create an instance cannot be started")),
        d)) {
    }
    creation_owed_ = false;
    back_off_locked();
    settle_locked(d);
    creators_ -= d.spawn_creators;  // not again at once: with the next change
    d.spawn_creators = 0;
  }
  run(d);
}

// A creator thread. It lives while there is something to create; what is not needed any more is not created.
template <class P>
void PoolCore<P>::create_while_needed() noexcept {
  bool backing_off = false;
  for (;;) {
    Job job;
    Nanos until = kNever;
    Step step;
    Deferred d;
    {
      Guard lock(mutex_);
      step = next_step_locked(job, backing_off, until);
      if (step == Step::stop) {
        --creators_;
        settle_locked(d);
      }
    }
    run(d);
    if (step == Step::stop) return;
    if (step == Step::wait) {
      backoff_parker_.wait(Parker<P>::kNotify, until, 0);
    } else {
      run_job(job);
    }
  }
}

template <class P>
typename PoolCore<P>::Step PoolCore<P>::next_step_locked(Job& job, bool& backing_off, Nanos& until) {
  if (backing_off) {
    backing_off_ = backing_off = false;
    backoff_parker_.clear(Parker<P>::kNotify);
  }
  if (creations_needed_locked() <= creating_ || backing_off_) return Step::stop;
  job.started = P::now();
  if (job.started < next_create_at_) {
    backing_off_ = backing_off = true;
    until = next_create_at_;
    return Step::wait;
  }
  creation_owed_ = false;
  job.slot = find_empty_locked();
  job.slot->word.store(slot_word(SlotState::creating, gated_), std::memory_order_release);
  ++size_;
  link_job_locked(job);
  return Step::start;
}

template <class P>
void PoolCore<P>::run_job(Job& job) noexcept {
  std::exception_ptr cause;
  void* const object = ops_->create(cause);
  const Nanos took = P::now() - job.started;
  std::string text;
  if (object == nullptr) text = describe(cause);
  std::uint64_t serial = 0;
  Deferred d;
  if (object != nullptr) {
    Guard lock(mutex_);
    serial = next_serial_++;
  }
  if (object != nullptr) ops_->on_create(serial, took);
  {
    Guard lock(mutex_);
    if (object != nullptr) {
      finish_job_locked(job, object, serial, took, d);
    } else {
      last_create_error_ = std::move(text);
      fail_job_locked(job, std::move(cause), d);
    }
    settle_locked(d);
  }
  run(d);
}

template <class P>
void PoolCore<P>::finish_job_locked(Job& job, void* object, std::uint64_t serial, Nanos took, Deferred& d) {
  ++created_;
  create_times_.record(took);
  failures_ = 0;
  next_create_at_ = 0;
  SlotType* slot = job.slot;
  if (slot != nullptr) {
    unlink_job_locked(job);
  } else {
    --abandoned_;  // late: it is welcome where there is room
    if (!closed_ && !draining_ && size_ < max_size_) slot = find_empty_locked();
    if (slot != nullptr) ++size_;
  }
  if (slot == nullptr) {
    d.object = object;
    d.object_serial = serial;
    ++destroyed_by_[static_cast<std::size_t>(closed_ ? DestroyReason::closed : DestroyReason::shrunk)];
    return;
  }
  publish_locked(*slot, object, serial);
  if ((closed_ || draining_) && P::defect() != Defect::closed_not_rechecked)
    retire_locked(*slot, closed_ ? DestroyReason::closed : DestroyReason::cleaned, d);
}

template <class P>
void PoolCore<P>::publish_locked(SlotType& slot, void* object, std::uint64_t serial) {
  slot.object = object;
  slot.serial = serial;
  slot.fresh = true;
  slot.created_at = P::now();
  slot.expires_at = kNever;
  if (settings_.max_age) {
    const Nanos age = settings_.max_age->count();
    slot.expires_at = later(slot.created_at, age - jittered_locked(age / 10));
  }
  slot.idle_since.store(slot.created_at);
  slot.word.store(idle_word_locked(), std::memory_order_release);
}

template <class P>
void PoolCore<P>::fail_job_locked(Job& job, std::exception_ptr&& cause, Deferred& d) {
  if (job.slot == nullptr) {  // it was told as a time-out
    --abandoned_;
    return;
  }
  unlink_job_locked(job);
  if (P::defect() == Defect::count_drift_on_create_failure) ++size_;
  clear_slot_locked(*job.slot);
  ++create_failed_;
  back_off_locked();
  if (P::defect() != Defect::wait_forgotten_after_failure) tell_one_locked(std::move(cause), d);
}

// The exception passes to the one that is told: its thread alone will let go of it.
// Lets the first caller in the queue that may be served, or a warm_up, fail. @return false if there is none
template <class P>
bool PoolCore<P>::tell_one_locked(std::exception_ptr&& cause, Deferred& d) {
  if (!queue_.empty() && servable_locked(*queue_.front())) {
    WaiterType& first = *queue_.front();
    ++failed_;
    unlink_locked(first);
    first.cause = std::move(cause);
    complete_locked(first, WaitResult::failed, d);
    return true;
  }
  for (WaiterType* watcher = watchers_.front(); watcher != nullptr; watcher = watcher->next) {
    if (watcher->kind != WaitKind::warm) continue;
    watchers_.remove(*watcher);
    watcher->cause = std::move(cause);
    complete_locked(*watcher, WaitResult::failed, d);
    return true;
  }
  return false;
}

template <class P>
void PoolCore<P>::back_off_locked() {
  Nanos pause = settings_.create_backoff.count();
  Nanos longest = settings_.create_backoff_max.count();
  if (longest > kNever / 4) longest = kNever / 4;  // twice as long, and added to the time of day, is still in range
  for (unsigned i = 0; i < failures_ && pause < longest; ++i) pause *= 2;
  if (pause > longest) pause = longest;
  ++failures_;
  next_create_at_ = P::now() + pause - pause / 5 + jittered_locked(pause / 5 * 2);
}

// @return  evenly distributed in [0, bound)
template <class P>
Nanos PoolCore<P>::jittered_locked(Nanos bound) {
  random_ ^= random_ << 13;  // xorshift64 (Marsaglia 2003)
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  return static_cast<Nanos>(static_cast<double>(bound) * static_cast<double>(random_ >> 11) * 0x1p-53);
}

template <class P>
void PoolCore<P>::link_job_locked(Job& job) {
  job.next = jobs_;
  if (jobs_ != nullptr) jobs_->previous = &job;
  jobs_ = &job;
  ++creating_;
}

template <class P>
void PoolCore<P>::unlink_job_locked(Job& job) {
  (job.previous ? job.previous->next : jobs_) = job.next;
  if (job.next != nullptr) job.next->previous = job.previous;
  --creating_;
}

// The factory call goes on alone; its place is free again.
template <class P>
void PoolCore<P>::abandon_locked(Job& job) {
  unlink_job_locked(job);
  clear_slot_locked(*job.slot);
  job.slot = nullptr;
  ++abandoned_;
}

template <class P>
bool PoolCore<P>::wants_keeper() const noexcept {
  return settings_.idle_timeout || settings_.max_age || settings_.create_timeout || settings_.leak_after ||
         settings_.min_idle > 0;
}

// A quarter of the shortest time that it watches, from 1 ms to 1 s.
template <class P>
Nanos PoolCore<P>::keeper_period() const noexcept {
  Nanos shortest = settings_.min_idle > 0 ? 400'000'000 : 4'000'000'000;
  for (const auto& time : {settings_.idle_timeout, settings_.max_age, settings_.create_timeout, settings_.leak_after})
    if (time && time->count() < shortest) shortest = time->count();
  return shortest < 4'000'000 ? 1'000'000 : shortest / 4;
}

// The maintenance thread: started with the first creation where an option needs it, ends with close.
template <class P>
void PoolCore<P>::keep() noexcept {
  const Nanos period = keeper_period();
  std::array<Leak, 16> leaks;
  for (bool runs = true; runs;) {
    std::size_t num_leaks = 0;
    Deferred d;
    {
      Guard lock(mutex_);
      runs = keeper_runs_ = !closed_;
      if (runs) num_leaks = keeper_step_locked(leaks, d);
      settle_locked(d);
    }
    if (runs)
      for (std::size_t i = 0; i < num_leaks; ++i) ops_->on_leak(leaks[i].instance, leaks[i].thread, leaks[i].held);
    run(d);
    if (runs && d.done.destroyed > 0) ops_->give_memory_back();
    if (runs && keeper_parker_.wait(Parker<P>::kNotify, P::now() + period, 0) != 0)
      keeper_parker_.clear(Parker<P>::kNotify);
  }
}

template <class P>
std::size_t PoolCore<P>::keeper_step_locked(std::array<Leak, 16>& leaks, Deferred& d) {
  const Nanos now = P::now();
  if (settings_.idle_timeout || settings_.max_age) expire_idle_locked(now, d);
  if (settings_.create_timeout) abandon_slow_creations_locked(now, d);
  return settings_.leak_after ? find_leaks_locked(leaks) : 0;
}

template <class P>
void PoolCore<P>::expire_idle_locked(Nanos now, Deferred& d) {
  std::size_t idle = count_locked().idle;
  for (SlotType& slot : slots()) {
    if (slot_state(slot.word.load(std::memory_order_acquire)) != SlotState::idle) continue;
    const bool old = now >= slot.expires_at;
    const bool unused = settings_.idle_timeout && now - slot.idle_since.load() >= settings_.idle_timeout->count();
    if (!old && (!unused || idle <= settings_.min_idle)) continue;
    if (retire_if_idle_locked(slot, old ? DestroyReason::expired : DestroyReason::idle, d)) --idle;
  }
}

template <class P>
void PoolCore<P>::abandon_slow_creations_locked(Nanos now, Deferred& d) {
  for (Job* job = jobs_; job != nullptr;) {
    Job* const next = job->next;
    if (now - job->started >= settings_.create_timeout->count()) {
      abandon_locked(*job);
      ++create_timeouts_;
      std::exception_ptr cause = create_timeout_error(settings_.create_timeout->count());
      last_create_error_ = describe(cause);
      back_off_locked();
      tell_one_locked(std::move(cause), d);
    }
    job = next;
  }
}

template <class P>
std::size_t PoolCore<P>::find_leaks_locked(std::array<Leak, 16>& leaks) {
  std::size_t found = 0;
  const std::uint64_t now = P::stamp(clock_.tsc);
  for (SlotType& slot : slots()) {
    const std::uint64_t since = slot.stamp.load();
    if (found == leaks.size() || since == 0 || since == slot.leak_reported || since > now) continue;
    if (slot_state(slot.word.load(std::memory_order_acquire)) != SlotState::leased) continue;
    const Nanos held = stamp_to_nanos(now - since);
    if (held < settings_.leak_after->count()) continue;
    slot.leak_reported = since;
    ++leaked_;
    leaks[found++] = {slot.serial, slot.holder.load() & ((1U << kSystemIdBits) - 1), held};
  }
  return found;
}

template <class P>
void PoolCore<P>::stop_threads_locked() {
  if (backing_off_) backoff_parker_.signal(Parker<P>::kNotify);
  if (keeper_runs_) keeper_parker_.signal(Parker<P>::kNotify);
}

}  // namespace modelpool::detail
