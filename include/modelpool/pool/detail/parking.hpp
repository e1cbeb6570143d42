// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "modelpool/pool/detail/platform.hpp"

namespace modelpool::detail {

/// Where one thread sleeps until another signals it. Signals are bits and stay until they are taken, so none is lost;
/// after signal() has set its bit it uses only the address, so the sleeper may return and destroy the parker at once.
template <class P>
class Parker {
 public:
  static constexpr std::uint32_t kDone = 1;    ///< the waiter's result is there
  static constexpr std::uint32_t kNotify = 2;  ///< look again
  static constexpr std::uint32_t kCancel = 4;

  /// Waits for one of `interest` until the deadline. @return the bits of `interest` that are set; 0: the time is up
  std::uint32_t wait(std::uint32_t interest, Nanos deadline, Nanos spin) noexcept {
    if (spin > 0) spin_for(interest, spin);
    for (;;) {
      std::uint32_t seen = word_.load(std::memory_order_acquire);
      if ((seen & interest) != 0) return seen & interest;
      if (deadline != kNever && P::now() >= deadline) return 0;
      if ((seen & kAsleep) == 0 && !word_.compare_exchange_strong(seen, seen | kAsleep, std::memory_order_acq_rel))
        continue;
      P::wait(word_, seen | kAsleep, deadline);
    }
  }
  /// Takes bits back, so that they can be signalled again. Only by the waiter.
  void clear(std::uint32_t bits) noexcept { word_.fetch_and(~(bits | kAsleep), std::memory_order_acq_rel); }

  void signal(std::uint32_t bit) noexcept {
    if ((word_.fetch_or(bit, std::memory_order_acq_rel) & kAsleep) != 0) P::wake(word_);
  }

 private:
  static constexpr std::uint32_t kAsleep = 8;

  // Looks at the word without sleeping: a signal that comes soon then costs neither side a system call.
  void spin_for(std::uint32_t interest, Nanos spin) noexcept {
    const Nanos end = P::now() + spin;
    do {
      for (int i = 0; i < 16; ++i) {
        if ((word_.load(std::memory_order_acquire) & interest) != 0) return;
        P::relax();
      }
    } while (P::now() < end);
  }

  typename P::template Atomic<std::uint32_t> word_{0};
};

}  // namespace modelpool::detail
