// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <utility>

#include "modelpool/pool/detail/pool_core.hpp"

/// PoolCore: its size, its end, and what it tells about itself.
namespace modelpool::detail {

/// Adds up what the slots recorded.
struct DurationSum {
  std::uint64_t count = 0, total = 0, maximum = 0;
  DurationHistogram histogram;

  void add(const DurationRecorder& recorder) noexcept {
    count += recorder.count();
    total += recorder.total();
    if (recorder.maximum() > maximum) maximum = recorder.maximum();
    for (std::size_t i = 0; i < DurationHistogram::kBuckets; ++i) histogram.counts[i] += recorder.bucket(i);
  }
  void add_zeros(std::uint64_t n) noexcept {
    count += n;
    histogram.counts[0] += n;
  }
  [[nodiscard]] DurationStats result() const noexcept {
    return {.count = count,
            .average = std::chrono::nanoseconds(count == 0 ? 0 : total / count),
            .maximum = std::chrono::nanoseconds(maximum),
            .histogram = histogram};
  }
};

template <class P>
PoolCore<P>::PoolCore(PoolSettings settings, std::unique_ptr<InstanceOps> ops)
    : id_(new_pool_id()),
      settings_(std::move(settings)),
      clock_(P::stamp_clock()),
      processors_(P::processors()),
      ops_(std::move(ops)),
      plain_(ops_->plain() && !settings_.max_age),
      max_size_(settings_.max_size),
      random_(id_ * 0x9E3779B97F4A7C15U ^ static_cast<std::uint64_t>(P::now())) {
  if (random_ == 0) random_ = 1;
  Deferred d;
  {
    Guard lock(mutex_);
    grow_table_locked(max_size_);
    settle_locked(d);
  }
  run(d);
}

template <class P>
PoolCore<P>::~PoolCore() = default;

template <class P>
ShrinkReport PoolCore<P>::shrink(std::size_t n) noexcept {
  Deferred d;
  std::size_t remaining = 0;
  {
    Guard lock(mutex_);
    retire_idle_locked(n, DestroyReason::shrunk, d);
    remaining = size_ - retiring_ - creating_;
    settle_locked(d);
  }
  run(d);
  d.done.remaining = remaining;
  return d.done;
}

template <class P>
void PoolCore<P>::resize(std::size_t max_size) {
  Deferred d;
  {
    Guard lock(mutex_);
    grow_table_locked(max_size);
    max_size_ = max_size;
    if (P::defect() != Defect::lost_wake_on_resize) settle_locked(d);
  }
  run(d);
}

template <class P>
void PoolCore<P>::set_paused(bool paused) noexcept {
  Deferred d;
  {
    Guard lock(mutex_);
    paused_ = paused;
    settle_locked(d);
  }
  run(d);
}

template <class P>
CleanupReport PoolCore<P>::cleanup(Nanos deadline) noexcept {
  CleanupReport report;
  const Nanos start = P::now();
  Deferred d;
  {
    Guard lock(mutex_);
    ++draining_;
    report.destroyed = count_destroyed_locked();
    report.bytes = destroyed_bytes_;
    stop_threads_locked();
    settle_locked(d);
  }
  run(d);
  std::exception_ptr ignored;
  wait_until(WaitKind::drained, 0, deadline, ignored);
  Deferred last;
  {
    Guard lock(mutex_);
    cut_off_leases_locked(report);
    while (jobs_ != nullptr) abandon_locked(*jobs_);
    settle_locked(last);
    --draining_;
    settle_locked(last);
  }
  run(last);
  {
    Guard lock(mutex_);
    report.destroyed = count_destroyed_locked() - report.destroyed;
    report.bytes = destroyed_bytes_ - report.bytes;
  }
  report.waited = std::chrono::nanoseconds(P::now() - start);
  return report;
}

template <class P>
bool PoolCore<P>::close(Nanos deadline) noexcept {
  Deferred d;
  {
    Guard lock(mutex_);
    closed_ = true;
    stop_threads_locked();
    settle_locked(d);
  }
  run(d);
  std::exception_ptr ignored;
  if (wait_until(WaitKind::drained, 0, deadline, ignored) == WaitResult::granted) return true;
  Guard lock(mutex_);
  return count_locked().leased == 0;
}

template <class P>
void PoolCore<P>::orphan(Nanos deadline) noexcept {
  std::exception_ptr ignored;
  close(P::now());
  wait_until(WaitKind::quiet, 0, deadline, ignored);
  Deferred d;
  {
    Guard lock(mutex_);
    orphaned_ = true;
    gate_.store(kOrphaned, std::memory_order_release);
    settle_locked(d);
  }
  run(d);
}

template <class P>
PoolStats PoolCore<P>::stats() const {
  PoolStats stats;
  stats.name = settings_.name;
  stats.max_size_reason = settings_.max_size_reason;
  stats.min_idle = settings_.min_idle;
  Guard lock(mutex_);
  const Counts counts = count_locked();
  stats.size = counts.total();
  stats.idle = counts.idle;
  stats.leased = counts.leased;
  stats.creating = counts.creating;
  stats.retiring = counts.retiring;
  stats.waiting = queue_.size();
  stats.waiting_peak = waiting_peak_;
  stats.target_max_size = max_size_;
  stats.max_size = max_size_ > stats.size ? max_size_ : stats.size;
  stats.paused = paused_;
  stats.closed = closed_;
  stats.timeouts = timeouts_;
  stats.cancelled = cancelled_;
  stats.rejected = rejected_;
  stats.failed = failed_;
  stats.created = created_;
  stats.create_failed = create_failed_;
  stats.create_timeouts = create_timeouts_;
  stats.destroyed_by = destroyed_by_;
  stats.destroyed = count_destroyed_locked();
  stats.detached = detached_;
  stats.leaked = leaked_;
  stats.last_create_error = last_create_error_;
  DurationSum wait, hold, create;
  create.add(create_times_);
  for (const auto& slot : slots_) {
    stats.direct += slot->direct.load();
    wait.add(slot->wait);
    hold.add(slot->hold);
  }
  stats.waited = wait.count;
  wait.add_zeros(stats.direct);
  stats.wait = wait.result();
  stats.hold = hold.result();
  stats.create = create.result();
  stats.requests = stats.direct + stats.waited + timeouts_ + cancelled_ + rejected_ + failed_;
  return stats;
}

template <class P>
std::uint64_t PoolCore<P>::count_destroyed_locked() const {
  std::uint64_t sum = 0;
  for (const std::uint64_t destroyed : destroyed_by_) sum += destroyed;
  return sum;
}

template <class P>
void PoolCore<P>::count_late_timeout() noexcept {
  Guard lock(mutex_);
  ++timeouts_;
}

template <class P>
void PoolCore<P>::count_late_cancel() noexcept {
  Guard lock(mutex_);
  ++cancelled_;
}

template <class P>
void PoolCore<P>::count_late_failure() noexcept {
  Guard lock(mutex_);
  ++failed_;
}

template <class P>
Nanos PoolCore<P>::average_wait() const noexcept {
  Guard lock(mutex_);
  std::uint64_t count = 0, total = 0;
  for (const auto& slot : slots_) {
    count += slot->direct.load() + slot->wait.count();
    total += slot->wait.total();
  }
  return count == 0 ? 0 : static_cast<Nanos>(total / count);
}

template <class P>
std::size_t PoolCore<P>::waiting() const noexcept {
  Guard lock(mutex_);
  return queue_.size();
}

}  // namespace modelpool::detail
