// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <stop_token>
#include <utility>
#include <vector>

#include "modelpool/deadline.hpp"
#include "modelpool/detail/thread_annotations.hpp"
#include "modelpool/pool/detail/mutex.hpp"
#include "modelpool/pool/detail/parking.hpp"
#include "modelpool/pool/detail/platform.hpp"
#include "modelpool/pool/errors.hpp"

namespace modelpool {

/// How large a piece of work is, or a batch may be.
struct BatchSize {
  std::size_t items = 1;  ///< for example texts
  std::size_t cost = 1;   ///< for example tokens
};

/// What a batcher has done so far.
struct BatcherStats {
  std::uint64_t batches = 0;
  std::uint64_t works = 0;    ///< that these batches carried
  std::uint64_t shared = 0;   ///< of these, in a batch with another caller's
  std::uint64_t retried = 0;  ///< run again alone because their batch failed
  std::size_t waiting = 0;    ///< now, for a place in a batch
};

namespace detail {

/// One call's place in the queue. Owned by its caller and by the batch that carries it, because a caller that is
/// cancelled leaves while its batch still runs.
struct BatchTicket : std::enable_shared_from_this<BatchTicket> {
  /// queued -> leading -> running -> done; queued -> running -> done. A caller that leaves early takes a queued ticket
  /// with it and leaves a running one behind as abandoned. retry() puts running tickets back.
  enum class State { queued, leading, running, done, abandoned };

  BatchTicket(BatchSize own_size, BatchSize most, Deadline until, std::stop_token stop_token) noexcept
      : size(own_size), limit(most), deadline(until), stop(std::move(stop_token)) {}

  const BatchSize size;
  const BatchSize limit;  ///< of a batch that carries it
  const Deadline deadline;
  const std::stop_token stop;
  const Nanos entered = RealPlatform::now();
  // Written by who leads the batch before it is finished, read by the caller afterwards.
  std::exception_ptr error;
  Nanos started = 0;
  Nanos ended = 0;
  // Below: under the queue's mutex.
  State state = State::queued;
  bool alone = false;  ///< shares no batch: one that it was in has failed
  BatchTicket* previous = nullptr;
  BatchTicket* next = nullptr;
  Parker<RealPlatform> parker;
};

/// A batch and its leader, who is the first.
using TicketBatch = std::vector<std::shared_ptr<BatchTicket>>;

/// How the wait of a follower ended.
enum class BatchTurn { lead, done, timed_out_queued, timed_out_running, cancelled };

/// Who runs what: the callers that wait, in the order in which they came, and how many of them lead. A leader waits for an
/// instance, takes what waits then, and runs it on its own thread; the others sleep. When it has finished, the oldest
/// that still waits leads in its place.
/// Thread safety: any number of threads.
class BatchQueue {
 public:
  /// @param max_leaders  as many as there are instances: more would only wait for them, at least 1
  explicit BatchQueue(std::size_t max_leaders) noexcept : max_leaders_(max_leaders) {}

  /// @return true: the caller leads; false: it calls follow()
  [[nodiscard]] bool enter(BatchTicket& ticket) noexcept;
  /// Sleeps until the ticket is done, or leads, or its deadline passes, or its stop token is triggered.
  [[nodiscard]] BatchTurn follow(BatchTicket& ticket);
  /// Before take(): callers whose last batch has just ended are on their way back, and the first of them would lead alone.
  /// Gives the processor to those that are ready to run, as long as fewer wait than the last batch carried; a caller that
  /// has been alone goes on at once.
  void let_callers_return() const noexcept;
  /// The leader has an instance. @param batch  empty; receives what it is to run, its own ticket first
  void take(BatchTicket& leader, TicketBatch& batch);
  /// The batch has run, or failed for good: wakes the next leader, then the callers.
  void finish(const TicketBatch& batch) noexcept;
  /// The batch has failed, and it is not known by whom: each ticket is to run alone. The leader goes on leading.
  void retry(const TicketBatch& batch) noexcept;
  /// The leader got no instance.
  void step_down(BatchTicket& leader) noexcept;

  void set_max_leaders(std::size_t max_leaders) noexcept;
  [[nodiscard]] BatcherStats stats() const noexcept;

 private:
  using Guard = LockGuard<Mutex>;
  void insert_locked(BatchTicket* before, BatchTicket& ticket) noexcept MODELPOOL_REQUIRES(mutex_);
  void remove_locked(BatchTicket& ticket) noexcept MODELPOOL_REQUIRES(mutex_);
  [[nodiscard]] std::shared_ptr<BatchTicket> next_leader_locked() noexcept MODELPOOL_REQUIRES(mutex_);
  [[nodiscard]] BatchTurn leave_locked(BatchTicket& ticket, bool cancelled) noexcept MODELPOOL_REQUIRES(mutex_);
  void fill_places() noexcept MODELPOOL_EXCLUDES(mutex_);

  // Protects what follows and the marked members of tickets. Leaf lock: nothing else is taken under it, nothing runs
  // under it, and threads are woken after it.
  // Invariant: leaders_ <= max_leaders_, unless that was lowered; where tickets are queued, they are equal.
  mutable Mutex mutex_;
  std::size_t max_leaders_ MODELPOOL_GUARDED_BY(mutex_);
  std::size_t leaders_ MODELPOOL_GUARDED_BY(mutex_) = 0;
  BatchTicket* front_ MODELPOOL_GUARDED_BY(mutex_) = nullptr;
  BatchTicket* back_ MODELPOOL_GUARDED_BY(mutex_) = nullptr;
  std::size_t last_size_ MODELPOOL_GUARDED_BY(mutex_) = 0;  // works of the batch that was taken last
  BatcherStats stats_ MODELPOOL_GUARDED_BY(mutex_);
};

/// For one more caller: an exception has one owner, so that none is read here while it is freed there.
[[nodiscard]] std::exception_ptr same_failure(const CreateFailed& failure) noexcept;

}  // namespace detail
}  // namespace modelpool
