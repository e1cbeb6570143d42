// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace modelpool {

/// How often a duration fell into [2^i, 2^(i+1)) nanoseconds, for i = 0 … 47 (39 hours); 0 ns counts in bucket 0.
struct DurationHistogram {
  static constexpr std::size_t kBuckets = 48;
  std::array<std::uint64_t, kBuckets> counts{};

  [[nodiscard]] static constexpr std::size_t bucket_of(std::uint64_t nanoseconds) noexcept {
    const std::size_t bucket = nanoseconds == 0 ? 0 : static_cast<std::size_t>(std::bit_width(nanoseconds)) - 1;
    return bucket < kBuckets ? bucket : kBuckets - 1;
  }
  [[nodiscard]] std::uint64_t total() const noexcept;
  /// @param q  0 … 1, for example 0.99
  /// @return   upper bound of the bucket in which that share of the durations is reached, so at most twice the true
  ///           value; 0 when nothing was counted
  [[nodiscard]] std::chrono::nanoseconds quantile(double q) const noexcept;
};

struct DurationStats {
  std::uint64_t count = 0;
  std::chrono::nanoseconds average{0};
  std::chrono::nanoseconds maximum{0};
  DurationHistogram histogram;
};

/// Why an instance was destroyed.
enum class DestroyReason {
  requested,  ///< destroy_after_use or Lease::destroy()
  broken,     ///< its lease ended by an exception
  invalid,    ///< validate or reset refused it
  expired,    ///< max_age
  idle,       ///< idle_timeout
  shrunk,     ///< shrink() or resize()
  cleaned,    ///< cleanup()
  closed,     ///< the pool was closed
};
inline constexpr std::size_t kDestroyReasons = 8;
/// @return  the enumerator's name, a literal
[[nodiscard]] const char* to_string(DestroyReason reason) noexcept;

/// One look at a pool. Instances: each is counted exactly once, so idle + leased + creating + retiring == size, and
/// size <= max_size, in every snapshot. Events: each is counted exactly, but a snapshot may be a moment behind.
struct PoolStats {
  std::string name;

  std::size_t size = 0;             ///< instances that exist, are being created or are being destroyed
  std::size_t idle = 0;             ///< ready to be leased
  std::size_t leased = 0;           ///< in use
  std::size_t creating = 0;         ///< in the factory
  std::size_t retiring = 0;         ///< being destroyed; they still hold their memory
  std::size_t waiting = 0;          ///< callers in the queue
  std::size_t max_size = 0;         ///< bound on size; after resize() to less it follows size down as leases come back
  std::size_t target_max_size = 0;  ///< what the constructor or resize() asked for
  std::size_t min_idle = 0;
  std::string max_size_reason;  ///< where max_size comes from, for example "option"
  std::size_t waiting_peak = 0;
  bool paused = false;
  bool closed = false;

  std::uint64_t requests = 0;         ///< acquire and acquire_exclusive: direct + waited + the failures below
  std::uint64_t direct = 0;           ///< leases given without waiting (also those of try_acquire)
  std::uint64_t waited = 0;           ///< leases given after a wait
  std::uint64_t timeouts = 0;         ///< AcquireTimeout
  std::uint64_t cancelled = 0;        ///< Cancelled
  std::uint64_t rejected = 0;         ///< Overloaded, PoolClosed, DeadlockError
  std::uint64_t failed = 0;           ///< CreateFailed
  std::uint64_t created = 0;          ///< instances that the factory delivered
  std::uint64_t create_failed = 0;    ///< factory calls that threw or gave nothing
  std::uint64_t create_timeouts = 0;  ///< factory calls abandoned after create_timeout
  std::uint64_t destroyed = 0;        ///< sum of destroyed_by
  std::array<std::uint64_t, kDestroyReasons> destroyed_by{};  ///< by DestroyReason
  std::uint64_t detached = 0;       ///< instances that left with Lease::detach() or were cut off by cleanup()
  std::uint64_t leaked = 0;         ///< leases reported by on_leak
  std::uint64_t hook_failures = 0;  ///< exceptions that left a hook; they are dropped
  std::string last_create_error;    ///< text of the factory's last failure

  DurationStats wait;    ///< of acquire; leases given directly count as 0 ns
  DurationStats hold;    ///< of leases that ended; see PoolOptions::timing
  DurationStats create;  ///< of factory calls that delivered

  /// @return one JSON object: the members above (durations in seconds, under count / average / maximum / p50 / p99 and
  ///         the histogram's non-empty buckets), and the names max_instances, available, pool_size, total_requests,
  ///         avg_wait_time, max_wait_time, available_models, busy_models for the same facts
  [[nodiscard]] std::string to_json() const;
};

/// What shrink() gave back.
struct ShrinkReport {
  std::size_t destroyed = 0;  ///< instances
  std::size_t remaining = 0;  ///< instances that still exist, leased ones included
  std::size_t bytes = 0;      ///< sum of PoolOptions::bytes_of over the destroyed; 0 without it
};

/// What cleanup() did.
struct CleanupReport {
  std::size_t destroyed = 0;  ///< instances destroyed before it returned
  std::size_t detached = 0;   ///< instances still leased when the grace ended; destroyed when their leases end
  std::size_t bytes = 0;      ///< sum of PoolOptions::bytes_of over the destroyed; 0 without it
  std::chrono::nanoseconds waited{0};
};

}  // namespace modelpool
