// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>

#include "modelpool/pool/detail/pool_core.hpp"
#include "modelpool/pool/hooks.hpp"
#include "modelpool/pool/options.hpp"

namespace modelpool::detail {

using Core = PoolCore<RealPlatform>;
using CoreSlot = Slot<RealPlatform>;

/// Everything of the user's that a pool calls, with T erased.
class InstanceCallbacks : public InstanceOps {
 public:
  InstanceCallbacks(PoolHooks hooks, std::string pool_name, std::function<OnException(std::exception_ptr)> on_exception,
                    bool has_validate, bool has_reset);
  ~InstanceCallbacks() override;

  [[nodiscard]] bool plain() const noexcept override;
  void give_memory_back() noexcept override;
  void on_create(std::uint64_t instance, Nanos took) noexcept override;
  void before_destroy(std::uint64_t instance, Nanos age, DestroyReason reason) noexcept override;
  void on_leak(std::uint64_t instance, std::uint64_t thread, Nanos held) noexcept override;
  std::size_t bytes(const void* object) noexcept final;

  /// @return false when the instance is not to be used again, also where the user's function throws
  virtual bool validate(void* object) noexcept = 0;
  virtual bool reset(void* object) noexcept = 0;
  /// @return PoolOptions::bytes_of
  virtual std::size_t measure(const void* object) noexcept = 0;
  [[nodiscard]] virtual bool has_factory() const noexcept = 0;
  OnException judge(const std::exception_ptr& exception) noexcept;
  void before_acquire(std::uint64_t instance, Nanos waited) noexcept;
  void after_release(std::uint64_t instance, Nanos held) noexcept;
  void on_wait(const WaitEvent& event) noexcept;
  void on_timeout(const WaitEvent& event) noexcept;

  const PoolHooks hooks;
  const std::string pool_name;
  const std::function<OnException(std::exception_ptr)> on_exception_policy;
  const bool has_validate, has_reset;
  std::atomic<std::uint64_t> hook_failures{0};
  /// In calls that use the pool's stats or the user's functions; the destructor waits for them.
  std::atomic<std::size_t> callers{0};
  std::atomic<bool> over{false};  ///< the destructor has waited: none of the user's functions is called any more
};

/// The callbacks of a pool of T.
template <class T>
class TypedCallbacks final : public InstanceCallbacks {
 public:
  TypedCallbacks(std::function<std::unique_ptr<T>()> factory, PoolOptions<T>& options)
      : InstanceCallbacks(std::move(options.hooks), options.name, std::move(options.on_exception),
                          static_cast<bool>(options.validate), static_cast<bool>(options.reset)),
        factory_(std::move(factory)),
        validate_(std::move(options.validate)),
        reset_(std::move(options.reset)),
        bytes_of_(std::move(options.bytes_of)) {}

  [[nodiscard]] bool has_factory() const noexcept override { return static_cast<bool>(factory_); }
  void* create(std::exception_ptr& cause) noexcept override {
    try {
      if (std::unique_ptr<T> object = factory_()) return object.release();
      cause = factory_gave_nothing();
    } catch (...) {
      cause = std::current_exception();
    }
    return nullptr;
  }
  void destroy(void* object) noexcept override {
    try {
      delete static_cast<T*>(object);
    } catch (...) {
      hook_failures.fetch_add(1, std::memory_order_relaxed);
    }
  }
  std::size_t measure(const void* object) noexcept override {
    try {
      return bytes_of_ && object ? bytes_of_(*static_cast<const T*>(object)) : 0;
    } catch (...) {
      hook_failures.fetch_add(1, std::memory_order_relaxed);
      return 0;
    }
  }
  bool validate(void* object) noexcept override {
    try {
      return validate_(*static_cast<T*>(object));
    } catch (...) {
      return false;
    }
  }
  bool reset(void* object) noexcept override {
    try {
      reset_(*static_cast<T*>(object));
      return true;
    } catch (...) {
      return false;
    }
  }

 private:
  static std::exception_ptr factory_gave_nothing() noexcept;

  const std::function<std::unique_ptr<T>()> factory_;
  const std::function<bool(T&)> validate_;
  const std::function<void(T&)> reset_;
  const std::function<std::size_t(const T&)> bytes_of_;
};

[[nodiscard]] std::exception_ptr factory_gave_nothing_error() noexcept;
template <class T>
std::exception_ptr TypedCallbacks<T>::factory_gave_nothing() noexcept {
  return factory_gave_nothing_error();
}

/// A lease that was given.
struct Granted {
  CoreSlot* slot = nullptr;
  Nanos waited = 0;
};

/// How a lease ends.
struct LeaseEnd {
  bool destroy = false;
  bool unwinding = false;              ///< by an exception that is not known
  std::optional<OnException> verdict;  ///< of Lease::run
};

// The compiled half of ModelPool and Lease.
/// @throws InvalidOptions
Core* open_pool(PoolSettings settings, std::unique_ptr<InstanceCallbacks> callbacks);
void abandon_pool(Core* core) noexcept;  ///< ~ModelPool
Granted acquire_lease(Core& core, const AcquireOptions& options);
std::optional<Granted> try_acquire_lease(Core& core);
/// @param options  its timeout becomes what is left of it
/// @return the period of exclusive access
std::uint64_t acquire_exclusivity(Core& core, AcquireOptions& options);
void end_lease(CoreSlot& slot, const LeaseEnd& end) noexcept;
OnException judge_exception(const CoreSlot& slot, const std::exception_ptr& exception) noexcept;
bool wait_available(Core& core, std::size_t max_concurrent, std::chrono::nanoseconds timeout);
void warm_up(Core& core, std::size_t n);
ShrinkReport shrink(Core& core, std::size_t n);
void resize(Core& core, std::size_t max_size);
CleanupReport cleanup(Core& core, std::chrono::nanoseconds grace);
bool close_pool(Core& core, std::chrono::nanoseconds grace) noexcept;
PoolStats pool_stats(const Core& core);

}  // namespace modelpool::detail
