// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "modelpool/pool/detail/pool_front.hpp"

namespace modelpool {

template <class T>
class ModelPool;

/// The right to use one instance, alone, until the end of its scope. Move-only.
///
/// When it ends, the instance goes back to the pool, or is destroyed (destroy_after_use, destroy()). If it ends because an
/// exception leaves its scope, PoolOptions::on_exception decides; the exception itself cannot be had while it unwinds, so
/// the policy is asked with null. Work done in run() is judged with the exception.
///
/// A lease may outlive its pool: the instance stays valid and is destroyed when the lease ends.
///
/// Thread safety: one thread at a time. It may end on another thread than it began. Moving it clears the mark by which the
/// pool recognises a thread that waits for itself (DeadlockError).
template <class T>
class [[nodiscard]] Lease {
 public:
  /// Empty.
  Lease() noexcept = default;
  Lease(Lease&& other) noexcept
      : slot_(std::exchange(other.slot_, nullptr)),
        object_(std::exchange(other.object_, nullptr)),
        waited_(other.waited_),
        exceptions_(other.exceptions_),
        destroy_after_use_(other.destroy_after_use_),
        judged_(other.judged_),
        verdict_(other.verdict_) {
    if (slot_ != nullptr) slot_->holder.store(0);
  }
  Lease& operator=(Lease&& other) noexcept {
    if (this != &other) {
      Lease taken(std::move(other));
      swap(taken);
    }
    return *this;
  }
  MODELPOOL_ALWAYS_INLINE ~Lease() {
    if (slot_ != nullptr) end(detail::RealPlatform::uncaught_exceptions() > exceptions_);
  }

  /// @pre not empty
  T& operator*() const noexcept { return *object_; }
  T* operator->() const noexcept { return object_; }
  /// @return null when empty
  [[nodiscard]] T* get() const noexcept { return object_; }
  explicit operator bool() const noexcept { return object_ != nullptr; }

  /// Ends the lease. Does nothing when empty.
  void release() noexcept {
    if (slot_ != nullptr) end(false);
  }
  /// Ends the lease and destroys the instance, in this thread. Does nothing when empty.
  void destroy() noexcept {
    destroy_after_use_ = true;
    release();
  }
  /// Takes the instance out of the pool, which may create another one in its place.
  /// @return null when empty
  std::unique_ptr<T> detach() noexcept {
    if (slot_ == nullptr) return nullptr;
    object_ = nullptr;
    detail::CoreSlot& slot = *std::exchange(slot_, nullptr);
    slot.core->finish_lease(slot);
    return std::unique_ptr<T>(static_cast<T*>(slot.core->detach(slot)));
  }

  /// function(instance). An exception that leaves it is shown to PoolOptions::on_exception and goes on; its verdict holds when
  /// the lease ends, whether by the same exception or not.
  /// @pre not empty
  template <class F>
  decltype(auto) run(F&& function) {
    judged_ = false;
    try {
      return std::invoke(std::forward<F>(function), *object_);
    } catch (...) {
      verdict_ = detail::judge_exception(*slot_, std::current_exception());
      judged_ = true;
      throw;
    }
  }

  /// How long acquire waited for this lease; 0 when an instance was idle.
  [[nodiscard]] std::chrono::nanoseconds waited() const noexcept { return std::chrono::nanoseconds(waited_); }

 private:
  friend class ModelPool<T>;
  template <class>
  friend class ExclusiveLease;
  struct Key {
    explicit Key() = default;  // explicit: {} does not make one
  };

 public:
  /// Not for programs: only the pool can name the key.
  Lease(Key, detail::Granted granted, bool destroy_after_use) noexcept
      : slot_(granted.slot),
        object_(static_cast<T*>(granted.slot->object)),
        waited_(granted.waited),
        exceptions_(detail::RealPlatform::uncaught_exceptions()),
        destroy_after_use_(destroy_after_use) {}

 private:
  void swap(Lease& other) noexcept {
    std::swap(slot_, other.slot_);
    std::swap(object_, other.object_);
    std::swap(waited_, other.waited_);
    std::swap(exceptions_, other.exceptions_);
    std::swap(destroy_after_use_, other.destroy_after_use_);
    std::swap(judged_, other.judged_);
    std::swap(verdict_, other.verdict_);
  }

  std::optional<OnException> verdict() const noexcept { return judged_ ? std::optional(verdict_) : std::nullopt; }

  MODELPOOL_ALWAYS_INLINE void end(bool unwinding) noexcept {
    detail::CoreSlot& slot = *std::exchange(slot_, nullptr);
    object_ = nullptr;
    if (unwinding || destroy_after_use_ || judged_ || !slot.core->plain()) [[unlikely]]
      return detail::end_lease(slot, {.destroy = destroy_after_use_, .unwinding = unwinding, .verdict = verdict()});
    slot.core->finish_lease(slot);
    if (!detail::Core::release_fast(slot)) slot.core->release(slot, std::nullopt);
  }

  detail::CoreSlot* slot_ = nullptr;
  T* object_ = nullptr;
  detail::Nanos waited_ = 0;
  int exceptions_ = 0;
  bool destroy_after_use_ = false;
  bool judged_ = false;  // not an optional: g++ 12 warns of an uninitialized one where a lease is moved
  OnException verdict_ = OnException::keep;
};

/// The right to use a pool alone: while it lives nobody else has a lease, and nobody else is given one. It holds one
/// instance; its thread may acquire more. ModelPool::cleanup may end it early, and then it is an ordinary lease. Move-only. Thread safety: one thread at a time.
template <class T>
class [[nodiscard]] ExclusiveLease {
 public:
  /// Moved to another thread, it is acquire() below that gives further leases; the pool's own acquire knows only the thread
  /// that got the exclusive lease, and forgets it with the move.
  ExclusiveLease(ExclusiveLease&& other) noexcept
      : core_(std::exchange(other.core_, nullptr)), period_(other.period_), lease_(std::move(other.lease_)) {
    if (core_ != nullptr) core_->set_exclusive_owner(period_, 0);
  }
  ExclusiveLease& operator=(ExclusiveLease&& other) noexcept {
    if (this != &other) {
      release();
      core_ = std::exchange(other.core_, nullptr);
      period_ = other.period_;
      lease_ = std::move(other.lease_);
      if (core_ != nullptr) core_->set_exclusive_owner(period_, 0);
    }
    return *this;
  }
  ~ExclusiveLease() {
    if (core_ == nullptr) return;
    { const Lease<T> last = std::move(lease_); }  // judged by the exception in flight, if there is one
    core_->end_exclusive(period_);
  }

  T& operator*() const noexcept { return *lease_; }
  T* operator->() const noexcept { return lease_.get(); }
  [[nodiscard]] T* get() const noexcept { return lease_.get(); }
  explicit operator bool() const noexcept { return core_ != nullptr; }
  [[nodiscard]] Lease<T>& lease() noexcept { return lease_; }

  /// One more instance, for the calling thread. @throws as ModelPool::acquire  @pre not empty
  [[nodiscard]] Lease<T> acquire(const AcquireOptions& options = {}) {
    core_->set_exclusive_owner(period_, detail::RealPlatform::thread_cache().token);
    return Lease<T>(typename Lease<T>::Key{}, detail::acquire_lease(*core_, options), options.destroy_after_use);
  }

  /// Ends the lease and the exclusive access. Does nothing when empty.
  void release() noexcept {
    if (core_ == nullptr) return;
    lease_.release();
    std::exchange(core_, nullptr)->end_exclusive(period_);
  }

 private:
  friend class ModelPool<T>;
  ExclusiveLease(detail::Core& core, const AcquireOptions& options) : core_(&core) {
    AcquireOptions rest = options;
    period_ = detail::acquire_exclusivity(core, rest);
    try {
      lease_ = Lease<T>(typename Lease<T>::Key{}, detail::acquire_lease(core, rest), options.destroy_after_use);
      lease_.slot_->holder.store(detail::RealPlatform::thread_cache().token);
    } catch (...) {
      core.end_exclusive(period_);
      throw;
    }
  }

  detail::Core* core_;
  std::uint64_t period_ = 0;
  Lease<T> lease_;
};

}  // namespace modelpool
