// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "modelpool/device/device.hpp"
#include "modelpool/pool/detail/mutex.hpp"
#include "modelpool/pool/model_pool.hpp"

namespace modelpool {

/// What all managers have in common: a pool of instances of one model on one device. `EmbeddingManager` and its
/// siblings derive from it and add their verbs.
///
/// Thread safety: every member may be called from any thread at any time.
/// Errors: those of ModelPool; the first acquire() also throws what loading the weights throws, nested in CreateFailed.
template <class Instance>
class ModelManager {
 public:
  ModelManager(const ModelManager&) = delete;
  ModelManager& operator=(const ModelManager&) = delete;

  /// An instance for the caller alone, until the lease ends. Waits its turn (first come, first served).
  [[nodiscard]] Lease<Instance> acquire(AcquireOptions options = {}) { return pool_.acquire(std::move(options)); }
  /// Never waits and never loads.
  [[nodiscard]] std::optional<Lease<Instance>> try_acquire() { return pool_.try_acquire(); }
  /// All instances at once: waits until every lease is back, and no newcomer passes.
  [[nodiscard]] ExclusiveLease<Instance> acquire_exclusive(AcquireOptions options = {}) {
    return pool_.acquire_exclusive(std::move(options));
  }
  /// @return true as soon as fewer than `max_concurrent` instances are leased, false when `timeout` passed before
  bool wait_available(std::size_t max_concurrent, std::chrono::nanoseconds timeout) {
    return pool_.wait_available(max_concurrent, timeout);
  }

  /// Makes `n` instances ready, so that the first requests need not load the weights.
  void warm_up(std::size_t n) { pool_.warm_up(n); }
  /// Destroys idle instances down to `n` and gives their memory back to the system; the last instance takes the weights
  /// with it.
  ShrinkReport shrink(std::size_t n) { return pool_.shrink(n); }
  /// Refuses newcomers, waits for leases, destroys every instance and with the last one the weights. Leases still out then
  /// stay valid. Afterwards the next acquire() loads again.
  CleanupReport cleanup(std::chrono::nanoseconds grace = std::chrono::seconds{30}) { return pool_.cleanup(grace); }

  [[nodiscard]] PoolStats stats() const {
    auto stats = pool_.stats();
    stats.max_size_reason = size_reason();
    return stats;
  }
  /// The device in use: never `automatic`.
  [[nodiscard]] Device device() const noexcept { return device_; }
  /// What decided the pool's size: the name of a SizeReason, for example "option" or "throughput".
  [[nodiscard]] std::string size_reason() const {
    const detail::LockGuard lock(size_mutex_);
    return size_reason_;
  }
  /// Most instances that exist at the same time.
  [[nodiscard]] std::size_t pool_size() const noexcept { return pool_size_.load(); }

 protected:
  ModelManager(typename ModelPool<Instance>::Factory factory, PoolOptions<Instance> options, Device device,
               std::string size_reason)
      : device_(device),
        size_reason_(std::move(size_reason)),
        pool_size_(options.max_size),
        pool_(std::move(factory), std::move(options)) {}
  ~ModelManager() = default;

  [[nodiscard]] ModelPool<Instance>& pool() noexcept { return pool_; }
  /// Instances beyond a smaller size go as their leases end.
  void set_size(std::size_t instances, std::string reason) {
    pool_.resize(instances);
    pool_size_ = instances;
    const detail::LockGuard lock(size_mutex_);
    size_reason_ = std::move(reason);
  }

 private:
  Device device_;
  mutable detail::Mutex size_mutex_;
  std::string size_reason_ MODELPOOL_GUARDED_BY(size_mutex_);
  std::atomic<std::size_t> pool_size_;
  ModelPool<Instance> pool_;
};

}  // namespace modelpool
