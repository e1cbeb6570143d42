// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "modelpool/pool/errors.hpp"
#include "modelpool/pool/hooks.hpp"
#include "modelpool/pool/lease.hpp"
#include "modelpool/pool/options.hpp"
#include "modelpool/pool/stats.hpp"

namespace modelpool {

/// A bounded set of expensive objects of one type, leased to one caller each.
///
/// Instances are made by the factory when they are needed, in threads of the pool's own: a caller that waits is served by
/// the first instance that becomes free, created or returned, and a creation that outlasts its caller's timeout is not lost.
/// Waiting callers are served in the order in which they came (see Fairness).
///
/// The factory, validate, reset, the hooks and T's destructor run outside the pool's locks; a slow one delays nobody else.
/// Options for upkeep (min_idle, idle_timeout, max_age, create_timeout, leak_after) start one maintenance thread with the
/// first creation; it acts within a quarter of the shortest of these times, at most 1 s.
///
/// Thread safety: every member but the destructor may be called from any number of threads.
template <class T>
class ModelPool {
 public:
  using Factory = std::function<std::unique_ptr<T>()>;

  /// Creates nothing yet, unless min_idle asks for it (in the background).
  /// @throws InvalidOptions
  ModelPool(Factory factory, PoolOptions<T> options) : ModelPool(std::move(factory), options, options.settings()) {}
  ModelPool(const ModelPool&) = delete;
  ModelPool& operator=(const ModelPool&) = delete;
  /// close() without waiting for leases: those still out stay valid and destroy their instance when they end. Waits up to
  /// 30 s for factory calls under way and for callers that it sends away; afterwards nothing of the user's is called any
  /// more, except T's destructor (a factory call that hangs for longer must own what it captures).
  ~ModelPool() { detail::abandon_pool(core_); }

  /// An instance for the calling thread, waiting for one if need be.
  /// @throws AcquireTimeout  options.timeout passed
  /// @throws Cancelled       options.stop was triggered
  /// @throws Overloaded      it would have to wait, and max_waiting callers wait already
  /// @throws PoolClosed      the pool is closed, or cleanup() is under way
  /// @throws CreateFailed    the factory failed and this was the first caller in the queue
  /// @throws DeadlockError   it would have to wait for leases that this thread itself holds
  [[nodiscard]] Lease<T> acquire(const AcquireOptions& options) {
    if (core_->plain() && !options.stop.stop_requested()) [[likely]]
      if (detail::CoreSlot* slot = core_->try_fast())
        return Lease<T>(typename Lease<T>::Key{}, {.slot = slot}, options.destroy_after_use);
    return Lease<T>(typename Lease<T>::Key{}, detail::acquire_lease(*core_, options), options.destroy_after_use);
  }
  /// acquire(AcquireOptions{}); where an instance is idle, the options are not even made.
  [[nodiscard]] MODELPOOL_ALWAYS_INLINE Lease<T> acquire() {
    if (core_->plain()) [[likely]]
      if (detail::CoreSlot* slot = core_->try_fast()) return Lease<T>(typename Lease<T>::Key{}, {.slot = slot}, false);
    return Lease<T>(typename Lease<T>::Key{}, detail::acquire_lease(*core_, {}), false);
  }

  /// An instance if one is idle and nobody waits for it. Never waits, never creates.
  [[nodiscard]] std::optional<Lease<T>> try_acquire() {
    std::optional<Lease<T>> lease;
    if (const auto granted = detail::try_acquire_lease(*core_))
      lease.emplace(typename Lease<T>::Key{}, *granted, false);
    return lease;
  }

  /// The whole pool for the calling thread: queues with the others, lets leases that are out come back, and gives nobody
  /// else a new one, but to a thread that holds one already. A thread that has it may acquire again, also exclusively, as
  /// long as there are instances: each exclusive lease holds one.
  /// @throws as acquire; DeadlockError if this thread holds a lease
  [[nodiscard]] ExclusiveLease<T> acquire_exclusive(const AcquireOptions& options = {}) {
    return ExclusiveLease<T>(*core_, options);
  }

  /// Waits until fewer than max_concurrent instances are leased. What is true when it returns may change at once.
  /// @return false when the time was up first
  bool wait_available(std::size_t max_concurrent, std::chrono::nanoseconds timeout) {
    return detail::wait_available(*core_, max_concurrent, timeout);
  }

  /// Whether the calling thread has a lease of this pool that it has not moved, or exclusive access.
  [[nodiscard]] bool held_by_this_thread() const noexcept { return core_->held_by_this_thread(); }

  /// function(instance) under a lease. An exception that leaves it is judged with PoolOptions::on_exception.
  /// @throws as acquire, and what function throws
  template <class F>
  decltype(auto) run(F&& function, const AcquireOptions& options = {}) {
    Lease<T> lease = acquire(options);
    return lease.run(std::forward<F>(function));
  }

  /// Creates until n instances exist that are idle or leased, and waits for them.
  /// @throws InvalidOptions if n > max_size, also when resize() makes it so meanwhile; CreateFailed; PoolClosed
  void warm_up(std::size_t n) { detail::warm_up(*core_, n); }
  /// Destroys idle instances, in this thread, until at most n exist or all are leased; gives their memory back to the system.
  /// What min_idle asks for is made again at once.
  ShrinkReport shrink(std::size_t n) { return detail::shrink(*core_, n); }
  /// Leases beyond a smaller size stay valid; their instances are destroyed when they end.
  /// @throws InvalidOptions
  void resize(std::size_t max_size) { detail::resize(*core_, max_size); }
  /// From here on acquire waits (within its timeout) and nothing is created. Leases that are out are not touched.
  void pause() noexcept { core_->set_paused(true); }
  void resume() noexcept { core_->set_paused(false); }

  /// Refuses callers, waits up to `grace` for leases to end, destroys every instance, and cuts off what is still out: such a
  /// lease stays valid, and destroys its instance when it ends. Then the pool is as new: the next acquire creates.
  CleanupReport cleanup(std::chrono::nanoseconds grace = std::chrono::seconds{30}) {
    return detail::cleanup(*core_, grace);
  }

  /// Refuses callers from now on, sends waiting ones away (PoolClosed), destroys idle instances, and waits up to `grace` for
  /// leases and factory calls to end. Final; may be called again.
  /// @return true if every lease came back in time
  bool close(std::chrono::nanoseconds grace = std::chrono::seconds{30}) noexcept {
    return detail::close_pool(*core_, grace);
  }

  [[nodiscard]] PoolStats stats() const noexcept { return detail::pool_stats(*core_); }

 private:
  ModelPool(Factory factory, PoolOptions<T>& options, detail::PoolSettings settings)
      : core_(detail::open_pool(std::move(settings),
                                std::make_unique<detail::TypedCallbacks<T>>(std::move(factory), options))) {}

  detail::Core* const core_;
};

}  // namespace modelpool
