// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <utility>
#include <vector>

#include "modelpool/batching/detail/batch_queue.hpp"
#include "modelpool/deadline.hpp"
#include "modelpool/error.hpp"
#include "modelpool/pool/errors.hpp"
#include "modelpool/pool/model_pool.hpp"

namespace modelpool {

/// How one piece of work asks to be run.
struct BatchRequest {
  BatchSize size = {};
  BatchSize limit = {};  ///< of a batch that carries it; a work that is larger by itself runs alone
  Deadline deadline = {};
  std::stop_token stop = {};
};

/// Where the time of one piece of work went.
struct BatchTimes {
  std::chrono::nanoseconds queued{0};  ///< until its batch was made up: waiting for a place and for an instance
  std::chrono::nanoseconds run{0};     ///< of the batch that carried it
};

/// One queue in front of a pool's instances, for work that several callers may have done together. A caller that finds an
/// instance free takes it and does its work on its own thread, as with a lease. Callers that find none wait; whoever gets
/// the next instance takes along everything that waits, in order, up to the limits. There is no timer and no thread: who
/// is alone waits for nobody.
///
/// Each batch is one lease, in the pool's order with all others, so callers with leases and exclusive access are neither
/// passed nor held up. A thread that holds a lease of the pool already runs its work alone.
///
/// Errors stay with those they belong to. If a batch fails, each of its works is run again alone, by its own caller.
///
/// Thread safety: run() and the rest may be called from any number of threads. The pool must outlive the batcher.
/// @tparam Work  input and output of one call; a caller that gives up leaves it behind, so it owns what it needs
template <class T, class Work>
class Batcher {
 public:
  /// Does all works of a batch, at least one, on an instance. Called on a caller's thread, within a lease.
  using Run = std::function<void(T& instance, std::span<Work* const> works)>;

  /// @param instances  of the pool: the most batches that run at once, at least 1
  Batcher(ModelPool<T>& pool, std::size_t instances, Run run) : pool_(pool), run_(std::move(run)), queue_(instances) {}

  /// Has the work done, and returns when it is.
  /// @throws AcquireTimeout    the deadline passed before the work had an instance
  /// @throws DeadlineExceeded  it passed while the work ran on another caller's thread; the result is dropped
  /// @throws Cancelled         likewise at any time; work that runs on the caller's own thread is finished first
  /// @throws what ModelPool::acquire throws, and what Run threw for this work alone
  BatchTimes run(std::shared_ptr<Work> work, const BatchRequest& request) {
    const auto ticket = std::make_shared<Ticket>(std::move(work), request);
    if (pool_.held_by_this_thread()) {
      run_beside(ticket);
    } else if (queue_.enter(*ticket) || follow(*ticket)) {
      while (!lead(ticket)) {
      }
    }
    if (ticket->error) std::rethrow_exception(ticket->error);
    using std::chrono::nanoseconds;
    return {.queued = nanoseconds(ticket->started - ticket->entered),
            .run = nanoseconds(ticket->ended - ticket->started)};
  }

  /// After ModelPool::resize.
  void set_instances(std::size_t instances) noexcept { queue_.set_max_leaders(instances); }
  [[nodiscard]] BatcherStats stats() const noexcept { return queue_.stats(); }

 private:
  struct Ticket : detail::BatchTicket {
    Ticket(std::shared_ptr<Work> its_work, const BatchRequest& request)
        : BatchTicket(request.size, request.limit, request.deadline, request.stop), work(std::move(its_work)) {}
    const std::shared_ptr<Work> work;
  };

  static AcquireOptions acquire_options(const Ticket& ticket) {
    AcquireOptions options{.timeout = std::nullopt, .stop = ticket.stop};
    if (!ticket.deadline.is_never()) options.timeout = ticket.deadline.at() - Deadline::Clock::now();
    return options;
  }

  // @return true: the caller leads; false: its work is done
  bool follow(Ticket& ticket) {
    switch (queue_.follow(ticket)) {
      case detail::BatchTurn::lead:
        return true;
      case detail::BatchTurn::done:
        return false;
      case detail::BatchTurn::timed_out_queued:
        throw AcquireTimeout(AcquireStage::wait, std::chrono::nanoseconds(detail::RealPlatform::now() - ticket.entered),
                             pool_.stats());
      case detail::BatchTurn::timed_out_running:
        throw DeadlineExceeded("the request's time was up while its batch ran; give it a longer timeout");
      case detail::BatchTurn::cancelled:
        break;
    }
    throw Cancelled("the request was cancelled by its stop token");
  }

  // One batch, the caller's work first. @return false: the caller leads again, with its work alone
  bool lead(const std::shared_ptr<Ticket>& own) {
    detail::TicketBatch batch;
    try {
      auto lease = acquire_to_lead(*own);
      queue_.let_callers_return();
      queue_.take(*own, batch);
      run_batch(lease, batch);
    } catch (...) {
      if (batch.empty()) throw;
      if (batch.size() > 1) {
        queue_.retry(batch);
        return false;
      }
      own->error = std::current_exception();
    }
    queue_.finish(batch);
    return true;
  }

  Lease<T> acquire_to_lead(Ticket& own) {
    try {
      return pool_.acquire(acquire_options(own));
    } catch (const CreateFailed& failure) {
      detail::TicketBatch batch;
      queue_.take(own, batch);  // who would have shared the instance shares the news
      for (std::size_t i = 1; i < batch.size(); ++i) batch[i]->error = detail::same_failure(failure);
      queue_.finish(batch);
      throw;
    } catch (...) {
      queue_.step_down(own);
      throw;
    }
  }

  // Beside the queue: nobody else may come to the instances that this thread holds.
  void run_beside(const std::shared_ptr<Ticket>& own) {
    auto lease = pool_.acquire(acquire_options(*own));
    run_batch(lease, {own});
  }

  void run_batch(Lease<T>& lease, const detail::TicketBatch& batch) {
    std::vector<Work*> works;
    works.reserve(batch.size());
    for (const auto& ticket : batch) works.push_back(static_cast<const Ticket&>(*ticket).work.get());
    const auto started = detail::RealPlatform::now();
    lease.run([&](T& instance) { run_(instance, works); });
    const auto ended = detail::RealPlatform::now();
    for (const auto& ticket : batch) {
      ticket->started = started;
      ticket->ended = ended;
    }
  }

  ModelPool<T>& pool_;
  const Run run_;
  detail::BatchQueue queue_;
};

}  // namespace modelpool
