// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "modelpool/pool/detail/platform.hpp"
#include "modelpool/pool/stats.hpp"

namespace modelpool::detail {

/// A number with one writer at a time and any number of readers that may see it a moment late.
template <class V>
class Relaxed {
 public:
  V load() const noexcept { return value_.load(std::memory_order_relaxed); }
  void store(V value) noexcept { value_.store(value, std::memory_order_relaxed); }
  void add(V value) noexcept { store(static_cast<V>(load() + value)); }

 private:
  std::atomic<V> value_{};
};

/// Durations with one writer at a time.
class DurationRecorder {
 public:
  /// @param weight  how many durations this one stands for; -1 takes one back
  void record(Nanos nanos, std::int64_t weight = 1) noexcept {
    const auto value = static_cast<std::uint64_t>(nanos < 0 ? 0 : nanos);
    count_.add(static_cast<std::uint64_t>(weight));
    total_.add(value * static_cast<std::uint64_t>(weight));
    if (value > maximum_.load()) maximum_.store(value);
    buckets_[DurationHistogram::bucket_of(value)].add(static_cast<std::uint64_t>(weight));
  }
  [[nodiscard]] std::uint64_t count() const noexcept { return count_.load(); }
  [[nodiscard]] std::uint64_t total() const noexcept { return total_.load(); }
  [[nodiscard]] std::uint64_t maximum() const noexcept { return maximum_.load(); }
  [[nodiscard]] std::uint64_t bucket(std::size_t i) const noexcept { return buckets_[i].load(); }

 private:
  Relaxed<std::uint64_t> count_, total_, maximum_;
  std::array<Relaxed<std::uint64_t>, DurationHistogram::kBuckets> buckets_{};
};

/// empty -> creating -> idle <-> leased -> retiring -> empty. A slot that cleanup cut off: leased -> detached -> retiring.
enum class SlotState : std::uint32_t { empty, creating, idle, leased, retiring, detached };

/// Beside the state in a slot's word: the next change is made under the core's mutex. An idle slot with this bit is
/// reserved (the fast path does not take it), a leased one tells its holder to come to the slow path.
inline constexpr std::uint32_t kWanted = 8;
[[nodiscard]] constexpr std::uint32_t slot_word(SlotState state, bool wanted = false) noexcept {
  return static_cast<std::uint32_t>(state) | (wanted ? kWanted : 0U);
}
[[nodiscard]] constexpr SlotState slot_state(std::uint32_t word) noexcept { return static_cast<SlotState>(word & 7U); }

template <class P>
class PoolCore;

/// The place of one instance. Slots are freed with their core and not before, so a stale pointer to one is only a hint.
/// Two cache lines are touched by a lease, both by its holder alone.
template <class P>
struct alignas(128) Slot {
  // Only idle -> leased and leased -> idle without kWanted happen outside the core's mutex. Acquiring is an acquire,
  // releasing a release operation on this word: the holder's writes to what follows are seen by the next holder.
  typename P::template Atomic<std::uint32_t> word{0};
  std::uint32_t hold_skip = 0;    // leases until the next one is measured; holder only
  std::uint32_t hold_weight = 1;  // how many leases that one stands for; holder only
  PoolCore<P>* core = nullptr;    // constant
  void* object = nullptr;         // written under the mutex while nobody can lease the slot
  Relaxed<std::uint64_t> holder;  // token of the thread that acquired it; 0: moved, or free
  Relaxed<std::uint64_t> stamp;   // start of the lease; 0: not stamped, or free
  Relaxed<std::uint64_t> direct;  // leases given without waiting
  Relaxed<Nanos> idle_since;
  std::uint64_t serial = 0;  // of the instance, from 1
  bool fresh = false;        // not leased yet

  alignas(64) DurationRecorder hold;  // holder only
  DurationRecorder wait;              // holder only
  // Below: under the mutex.
  Nanos created_at = 0;
  Nanos expires_at = kNever;
  std::uint64_t leak_reported = 0;  // stamp of the lease that was reported
  DestroyReason reason = DestroyReason::requested;
  bool in_table = true;
  Slot* next = nullptr;  // chain of slots to retire, or of spare slots
};

}  // namespace modelpool::detail
