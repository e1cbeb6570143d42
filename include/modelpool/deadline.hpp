// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>

namespace modelpool {

/// The moment at which a request gives up. Made once, when the request starts, and handed down unchanged, so that
/// waiting, loading and running share one budget. Thread safety: a value.
class Deadline {
 public:
  using Clock = std::chrono::steady_clock;

  /// Never expires.
  constexpr Deadline() noexcept = default;
  constexpr explicit Deadline(Clock::time_point at) noexcept : at_(at) {}

  /// @param timeout  nullopt: never; zero or less: expired from the start; beyond the clock's range: never
  [[nodiscard]] static Deadline after(std::optional<std::chrono::nanoseconds> timeout) noexcept {
    return timeout ? after(*timeout, Clock::now()) : Deadline{};
  }
  [[nodiscard]] static constexpr Deadline after(std::chrono::nanoseconds timeout, Clock::time_point now) noexcept {
    if (timeout > Clock::time_point::max() - now) return Deadline{};
    return Deadline{now + timeout};
  }

  [[nodiscard]] constexpr bool is_never() const noexcept { return !at_; }
  /// @pre !is_never()
  [[nodiscard]] constexpr Clock::time_point at() const noexcept { return *at_; }
  [[nodiscard]] bool expired() const noexcept { return at_ && Clock::now() >= *at_; }

 private:
  std::optional<Clock::time_point> at_;
};

}  // namespace modelpool
