// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include "modelpool/pool/stats.hpp"

namespace modelpool {

/// Something happened to one instance.
struct InstanceEvent {
  std::string_view pool;       ///< PoolOptions::name
  std::uint64_t instance = 0;  ///< 1 for the first instance that the pool created, 2 for the next …
  std::chrono::nanoseconds duration{
      0};  ///< on_create: time in the factory; before_acquire: waited; after_release: held
           ///< (0 where it was not measured, see PoolOptions::timing); before_destroy: age
  DestroyReason reason = DestroyReason::requested;  ///< before_destroy only
};

/// A caller waited.
struct WaitEvent {
  std::string_view pool;
  std::chrono::nanoseconds waited{0};
  std::chrono::nanoseconds average_wait{0};  ///< over all leases so far, as in PoolStats::wait
  std::size_t waiting = 0;                   ///< callers in the queue now
};

/// A lease is out for longer than PoolOptions::leak_after.
struct LeakEvent {
  std::string_view pool;
  std::uint64_t instance = 0;
  std::uint64_t thread_id =
      0;  ///< the operating system's id of the thread that acquired it; 0 once the lease was moved
  std::chrono::nanoseconds held{0};
};

/// Callbacks, named by their moment. Each is called outside the pool's locks, from the thread in which the moment
/// happens, possibly from several at once. Exceptions that leave a hook are dropped and counted
/// (PoolStats::hook_failures). None is called for leases that end after the pool's destructor returned.
struct PoolHooks {
  std::function<void(const InstanceEvent&)> on_create = {};       ///< the factory delivered
  std::function<void(const InstanceEvent&)> before_acquire = {};  ///< acquire is about to return a lease
  std::function<void(const InstanceEvent&)> after_release = {};  ///< a lease ended, before others can have the instance
  std::function<void(const InstanceEvent&)> before_destroy = {};
  std::function<void(const WaitEvent&)> on_wait = {};     ///< a caller has waited and got its instance
  std::function<void(const WaitEvent&)> on_timeout = {};  ///< a caller's timeout passed
  std::function<void(const LeakEvent&)> on_leak = {};     ///< once for each lease that is out for too long
};

}  // namespace modelpool
