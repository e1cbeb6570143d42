// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>

#include "modelpool/pool/detail/parking.hpp"
#include "modelpool/pool/detail/slot.hpp"

namespace modelpool::detail {

/// What a blocked thread waits for.
enum class WaitKind {
  lease,
  exclusive,
  available,  ///< leased < threshold
  warm,       ///< idle + leased >= threshold
  drained,    ///< nothing is leased or being created
  quiet,      ///< no thread of the pool runs
};

enum class WaitResult { none, granted, closed, failed, impossible };

/// One blocked call, on its thread's stack. Everything but the parker is under the core's mutex while the waiter is linked;
/// after kDone it belongs to its thread alone. A waiter leaves only by unlinking itself under the mutex, or after each
/// signal that was promised under the mutex has arrived, because until then somebody will still touch it.
template <class P>
struct Waiter {
  WaitKind kind = WaitKind::lease;
  WaitResult result = WaitResult::none;
  bool reentrant = false;  ///< of the thread that holds the pool exclusively: served although it does
  bool notified = false;   ///< kNotify is promised or has arrived
  std::uint64_t thread = 0;
  Nanos since = 0;
  std::size_t threshold = 0;
  std::uint64_t period = 0;  ///< of exclusive access that was granted
  Slot<P>* slot = nullptr;
  std::exception_ptr cause;
  Parker<P> parker;
  Waiter* previous = nullptr;
  Waiter* next = nullptr;
  Waiter* wake_next = nullptr;
};

/// Intrusive list of waiters, oldest first.
template <class P>
class WaiterQueue {
 public:
  [[nodiscard]] Waiter<P>* front() const noexcept { return front_; }
  [[nodiscard]] bool empty() const noexcept { return front_ == nullptr; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  void push_back(Waiter<P>& waiter) noexcept { insert_before(nullptr, waiter); }
  void push_front(Waiter<P>& waiter) noexcept { insert_before(front_, waiter); }
  /// @param place  linked; nullptr: the end
  void insert_before(Waiter<P>* place, Waiter<P>& waiter) noexcept {
    waiter.next = place;
    waiter.previous = place ? place->previous : back_;
    (waiter.previous ? waiter.previous->next : front_) = &waiter;
    (place ? place->previous : back_) = &waiter;
    ++size_;
  }

  void remove(Waiter<P>& waiter) noexcept {
    (waiter.previous ? waiter.previous->next : front_) = waiter.next;
    (waiter.next ? waiter.next->previous : back_) = waiter.previous;
    waiter.previous = waiter.next = nullptr;
    --size_;
  }

 private:
  Waiter<P>* front_ = nullptr;
  Waiter<P>* back_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace modelpool::detail
