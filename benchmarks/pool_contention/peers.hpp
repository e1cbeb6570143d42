// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <blockingconcurrentqueue.h>
#include <oneapi/tbb/concurrent_queue.h>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <vector>

#include "pooled.hpp"

/// The pools that ModelPool is compared with. Each is what a programmer writes in an afternoon with that primitive: no
/// time-outs, no cancellation, no creation, no statistics. All share one face: acquire() waits for an object and returns
/// a lease that gives it back.
namespace pool_contention {

/// Gives the object back to `Pool` when its scope ends.
template <class Pool>
class PeerLease {
 public:
  PeerLease(Pool& pool, Pooled* object) noexcept : pool_(pool), object_(object) {}
  PeerLease(const PeerLease&) = delete;
  PeerLease& operator=(const PeerLease&) = delete;
  ~PeerLease() { pool_.release(object_); }
  Pooled& operator*() const noexcept { return *object_; }

 private:
  Pool& pool_;
  Pooled* object_;
};

/// First come, first served by numbered tickets; one condition variable wakes all, and the holder of the next number
/// goes on.
class TicketFifoPool {
 public:
  explicit TicketFifoPool(std::size_t size) : objects_(size) {
    for (const auto& object : objects_) free_.push_back(object.get());
  }
  PeerLease<TicketFifoPool> acquire() {
    std::unique_lock lock{mutex_};
    const std::uint64_t ticket = next_ticket_++;
    while (ticket != serving_ || free_.empty()) changed_.wait(lock);
    ++serving_;
    Pooled* object = free_.back();
    free_.pop_back();
    const bool next_can_go = serving_ != next_ticket_ && !free_.empty();
    lock.unlock();
    if (next_can_go) changed_.notify_all();
    return {*this, object};
  }
  void release(Pooled* object) {
    std::unique_lock lock{mutex_};
    free_.push_back(object);
    const bool anyone_waits = serving_ != next_ticket_;
    lock.unlock();
    if (anyone_waits) changed_.notify_all();
  }
  [[nodiscard]] std::uint64_t uses() const { return objects_.uses(); }

 private:
  PooledSet objects_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Pooled*> free_;
  std::uint64_t next_ticket_ = 0;
  std::uint64_t serving_ = 0;
};

/// First come, first served by hand-off: each waiter has its own condition variable, and a release gives the object to
/// the first of them directly.
class HandoffFifoPool {
 public:
  explicit HandoffFifoPool(std::size_t size) : objects_(size) {
    for (const auto& object : objects_) free_.push_back(object.get());
  }
  PeerLease<HandoffFifoPool> acquire() {
    std::unique_lock lock{mutex_};
    if (!free_.empty()) {  // then nobody waits
      Pooled* object = free_.back();
      free_.pop_back();
      return {*this, object};
    }
    Waiter self;
    waiters_.push_back(&self);
    while (self.object == nullptr) self.given.wait(lock);
    return {*this, self.object};
  }
  void release(Pooled* object) {
    const std::scoped_lock lock{mutex_};
    if (waiters_.empty()) {
      free_.push_back(object);
      return;
    }
    Waiter* first = waiters_.front();
    waiters_.pop_front();
    first->object = object;
    first->given.notify_one();  // under the lock: the waiter's stack frame ends as soon as it can take the lock
  }
  [[nodiscard]] std::uint64_t uses() const { return objects_.uses(); }

 private:
  struct Waiter {
    std::condition_variable given;
    Pooled* object = nullptr;
  };
  PooledSet objects_;
  std::mutex mutex_;
  std::vector<Pooled*> free_;
  std::deque<Waiter*> waiters_;
};

/// The usual one: a vector, a mutex, a condition variable; newcomers overtake those that wait.
class BargingPool {
 public:
  explicit BargingPool(std::size_t size) : objects_(size) {
    for (const auto& object : objects_) free_.push_back(object.get());
  }
  PeerLease<BargingPool> acquire() {
    std::unique_lock lock{mutex_};
    while (free_.empty()) available_.wait(lock);
    Pooled* object = free_.back();
    free_.pop_back();
    return {*this, object};
  }
  void release(Pooled* object) {
    {
      const std::scoped_lock lock{mutex_};
      free_.push_back(object);
    }
    available_.notify_one();
  }
  [[nodiscard]] std::uint64_t uses() const { return objects_.uses(); }

 private:
  PooledSet objects_;
  std::mutex mutex_;
  std::condition_variable available_;
  std::vector<Pooled*> free_;
};

/// tbb::concurrent_bounded_queue as a pool. Its tickets make it first come, first served.
class TbbQueuePool {
 public:
  explicit TbbQueuePool(std::size_t size) : objects_(size) {
    for (const auto& object : objects_) free_.push(object.get());
  }
  PeerLease<TbbQueuePool> acquire() {
    Pooled* object = nullptr;
    free_.pop(object);
    return {*this, object};
  }
  void release(Pooled* object) { free_.push(object); }
  [[nodiscard]] std::uint64_t uses() const { return objects_.uses(); }

 private:
  PooledSet objects_;
  tbb::concurrent_bounded_queue<Pooled*> free_;
};

/// moodycamel::BlockingConcurrentQueue as a pool. No order between producers is promised.
class MoodycamelPool {
 public:
  explicit MoodycamelPool(std::size_t size) : objects_(size) {
    for (const auto& object : objects_) free_.enqueue(object.get());
  }
  PeerLease<MoodycamelPool> acquire() {
    Pooled* object = nullptr;
    free_.wait_dequeue(object);
    return {*this, object};
  }
  void release(Pooled* object) { free_.enqueue(object); }
  [[nodiscard]] std::uint64_t uses() const { return objects_.uses(); }

 private:
  PooledSet objects_;
  moodycamel::BlockingConcurrentQueue<Pooled*> free_;
};

}  // namespace pool_contention
