// SPDX-License-Identifier: Apache-2.0
#include "modelpool/batching/detail/batch_queue.hpp"

#include <algorithm>
#include <optional>
#include <thread>

namespace modelpool::detail {
namespace {

using State = BatchTicket::State;
using TicketParker = Parker<RealPlatform>;

Nanos nanos_of(const Deadline& deadline) noexcept {
  if (deadline.is_never()) return kNever;
  return std::chrono::duration_cast<std::chrono::nanoseconds>(deadline.at().time_since_epoch()).count();
}

// The most that all tickets of a batch allow.
class Room {
 public:
  explicit Room(const BatchTicket& first) noexcept : used_(first.size), limit_(first.limit) {}

  [[nodiscard]] bool take(const BatchTicket& ticket) noexcept {
    const BatchSize used{used_.items + ticket.size.items, used_.cost + ticket.size.cost};
    const BatchSize limit{std::min(limit_.items, ticket.limit.items), std::min(limit_.cost, ticket.limit.cost)};
    if (used.items > limit.items || used.cost > limit.cost) return false;
    used_ = used;
    limit_ = limit;
    return true;
  }

 private:
  BatchSize used_;
  BatchSize limit_;
};

}  // namespace

// ---- the list

void BatchQueue::insert_locked(BatchTicket* before, BatchTicket& ticket) noexcept {
  ticket.state = State::queued;
  ticket.next = before;
  ticket.previous = before ? before->previous : back_;
  (ticket.previous ? ticket.previous->next : front_) = &ticket;
  (before ? before->previous : back_) = &ticket;
  ++stats_.waiting;
}

void BatchQueue::remove_locked(BatchTicket& ticket) noexcept {
  (ticket.previous ? ticket.previous->next : front_) = ticket.next;
  (ticket.next ? ticket.next->previous : back_) = ticket.previous;
  ticket.previous = ticket.next = nullptr;
  --stats_.waiting;
}

// ---- who leads

bool BatchQueue::enter(BatchTicket& ticket) noexcept {
  const Guard lock(mutex_);
  if (leaders_ < max_leaders_) {
    ++leaders_;
    ticket.state = State::leading;
    return true;
  }
  insert_locked(nullptr, ticket);
  return false;
}

// A leader goes. @return  the ticket that leads in its place, to be told so without the lock; null: none
std::shared_ptr<BatchTicket> BatchQueue::next_leader_locked() noexcept {
  if (!front_ || leaders_ > max_leaders_) {
    --leaders_;
    return nullptr;
  }
  auto next = front_->shared_from_this();
  remove_locked(*next);
  next->state = State::leading;
  return next;
}

// Where there are fewer leaders than there may be although tickets wait.
void BatchQueue::fill_places() noexcept {
  for (;;) {
    std::shared_ptr<BatchTicket> next;
    {
      const Guard lock(mutex_);
      if (!front_ || leaders_ >= max_leaders_) return;
      ++leaders_;
      next = next_leader_locked();
    }
    next->parker.signal(TicketParker::kNotify);
  }
}

void BatchQueue::set_max_leaders(std::size_t max_leaders) noexcept {
  {
    const Guard lock(mutex_);
    max_leaders_ = max_leaders;
  }
  fill_places();
}

void BatchQueue::step_down(BatchTicket& leader) noexcept {
  std::shared_ptr<BatchTicket> next;
  {
    const Guard lock(mutex_);
    leader.state = State::done;
    next = next_leader_locked();
  }
  if (next) next->parker.signal(TicketParker::kNotify);
}

// ---- following

BatchTurn BatchQueue::follow(BatchTicket& ticket) {
  const auto cancel = [&ticket] { ticket.parker.signal(TicketParker::kCancel); };
  std::optional<std::stop_callback<decltype(cancel)>> on_stop;
  if (ticket.stop.stop_possible()) on_stop.emplace(ticket.stop, cancel);
  constexpr auto kAny = TicketParker::kDone | TicketParker::kNotify | TicketParker::kCancel;
  const auto woken_by = ticket.parker.wait(kAny, nanos_of(ticket.deadline), 0);
  const Guard lock(mutex_);
  return leave_locked(ticket, (woken_by & TicketParker::kCancel) != 0);
}

BatchTurn BatchQueue::leave_locked(BatchTicket& ticket, bool cancelled) noexcept {
  if (ticket.state == State::done) return BatchTurn::done;
  if (ticket.state == State::leading) return BatchTurn::lead;
  const bool queued = ticket.state == State::queued;
  if (queued) remove_locked(ticket);
  ticket.state = State::abandoned;
  if (cancelled) return BatchTurn::cancelled;
  return queued ? BatchTurn::timed_out_queued : BatchTurn::timed_out_running;
}

// ---- a batch

void BatchQueue::let_callers_return() const noexcept {
  constexpr int kMost = 8;
  for (int i = 0; i < kMost; ++i) {
    {
      const Guard lock(mutex_);
      if (stats_.waiting + 1 >= last_size_) return;
    }
    std::this_thread::yield();
  }
}

void BatchQueue::take(BatchTicket& leader, TicketBatch& batch) {
  const Guard lock(mutex_);
  batch.push_back(leader.shared_from_this());
  Room room(leader);
  while (!leader.alone && front_ && !front_->alone && room.take(*front_)) {
    batch.push_back(front_->shared_from_this());
    front_->state = State::running;
    remove_locked(*front_);
  }
  leader.state = State::running;
  last_size_ = batch.size();
  ++stats_.batches;
  stats_.works += batch.size();
  if (batch.size() > 1) stats_.shared += batch.size();
}

void BatchQueue::finish(const TicketBatch& batch) noexcept {
  std::shared_ptr<BatchTicket> next;
  {
    const Guard lock(mutex_);
    for (const auto& ticket : batch) {
      if (ticket->state == State::running) ticket->state = State::done;
    }
    next = next_leader_locked();
  }
  // The next leader first: while it starts, the others are woken, which costs a system call for each.
  if (next) next->parker.signal(TicketParker::kNotify);
  for (std::size_t i = 1; i < batch.size(); ++i) batch[i]->parker.signal(TicketParker::kDone);
}

void BatchQueue::retry(const TicketBatch& batch) noexcept {
  {
    const Guard lock(mutex_);
    for (std::size_t i = batch.size(); i-- > 0;) {  // the oldest comes to the front
      batch[i]->alone = true;
      if (i > 0 && batch[i]->state == State::running) insert_locked(front_, *batch[i]);
    }
    batch.front()->state = State::leading;
    stats_.retried += batch.size();
  }
  fill_places();
}

BatcherStats BatchQueue::stats() const noexcept {
  const Guard lock(mutex_);
  return stats_;
}

std::exception_ptr same_failure(const CreateFailed& failure) noexcept {
  try {
    std::rethrow_exception(failure.cause);
  } catch (...) {
    try {
      std::throw_with_nested(CreateFailed(failure.cause, failure.stats));
    } catch (...) {
      return std::current_exception();
    }
  }
}

}  // namespace modelpool::detail
