// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "modelpool/pool/hooks.hpp"

namespace modelpool {

/// How one lease is asked for.
struct AcquireOptions {
  std::optional<std::chrono::nanoseconds> timeout = std::chrono::seconds{30};  ///< whole call: wait, create, validate;
                                                                               ///< nullopt: for ever; <= 0: do not wait
  std::stop_token stop = {};       ///< when triggered, a waiting acquire throws Cancelled
  bool destroy_after_use = false;  ///< the instance is destroyed, not reused, when the lease ends
};

/// Who gets an instance that becomes free.
enum class Fairness {
  fifo,        ///< the caller that waits longest; nobody passes
  throughput,  ///< newcomers may pass until the first waiter has waited max_bypass, then it is next
};

/// What happens to an instance whose lease ends by an exception.
enum class OnException {
  keep,      ///< it goes back as if nothing had happened
  validate,  ///< PoolOptions::validate decides; without validate it is destroyed
  retire,    ///< it is destroyed
};

/// How closely holding times are measured.
enum class Timing {
  off,  ///< not at all: no clock is read when an instance is free. PoolStats::hold stays empty, on_leak has no times
  sampled,  ///< every lease is stamped when it starts; its end is measured too, but only one in 16 on an instance whose
            ///< last measured hold was below 10 µs (it then counts for 16)
  every,    ///< start and end of every lease
};

/// The policy used where PoolOptions::on_exception is empty: keeps the instance after InvalidInput, InvalidOptions,
/// DeadlineExceeded, Cancelled and the errors of acquire; retires it after anything else; validates it where the exception
/// is not known (null).
[[nodiscard]] OnException default_on_exception(const std::exception_ptr& exception);

namespace detail {
/// The options that do not depend on T, as the compiled part of the pool takes them.
struct PoolSettings {
  std::size_t max_size = 0;
  std::size_t min_idle = 0;
  std::string name = {};
  std::string max_size_reason = {};
  Fairness fairness = Fairness::fifo;
  std::chrono::nanoseconds max_bypass{0};
  std::optional<std::size_t> max_waiting = {};
  std::size_t max_concurrent_creates = 1;
  std::chrono::nanoseconds create_backoff{0}, create_backoff_max{0};
  std::optional<std::chrono::nanoseconds> idle_timeout = {}, max_age = {}, create_timeout = {}, leak_after = {};
  Timing timing = Timing::sampled;

  /// @throws InvalidOptions
  void validate() const;
};
}  // namespace detail

template <class T>
struct PoolOptions {
  std::size_t max_size = 0;  ///< required: 1 … 65535 instances
  std::size_t min_idle = 0;  ///< kept ready in the background while nobody asks, within max_size
  std::string name = "pool";
  Fairness fairness = Fairness::fifo;
  std::chrono::nanoseconds max_bypass = std::chrono::microseconds{500};  ///< Fairness::throughput only
  std::optional<std::size_t> max_waiting = {};  ///< beyond it acquire throws Overloaded at once; nullopt: no limit. Not
                                                ///< counted: as many callers as instances can still be created
  std::size_t max_concurrent_creates = 1;       ///< factory calls at the same time
  std::chrono::nanoseconds create_backoff =
      std::chrono::milliseconds{10};  ///< pause after a failed factory call; doubles
                                      ///< with each further failure, ± 20 %
  std::chrono::nanoseconds create_backoff_max = std::chrono::seconds{5};
  std::optional<std::chrono::nanoseconds> idle_timeout = {};  ///< idle for longer: destroyed, down to min_idle,
                                                              ///< and its memory given back to the system
  std::optional<std::chrono::nanoseconds> max_age = {};       ///< older: destroyed when not leased; up to 10 % earlier
  std::optional<std::chrono::nanoseconds> create_timeout = {};  ///< a factory call that takes longer counts as failed;
                                                                ///< should it deliver later, the instance is used if
                                                                ///< there is room
  std::optional<std::chrono::nanoseconds> leak_after = {};      ///< leases out for longer are told to hooks.on_leak
  Timing timing = Timing::sampled;
  std::function<bool(T&)> validate =
      {};  ///< before a lease, outside locks; false or a throw: destroyed, the next is tried
  std::function<void(T&)> reset = {};  ///< after a lease, outside locks; a throw: destroyed
  std::function<OnException(std::exception_ptr)> on_exception = {};  ///< null where the exception is not known: a lease
                                                                     ///< destroyed by unwinding; see Lease::run
  std::function<std::size_t(const T&)> bytes_of = {};                ///< memory of an instance, for the reports
  PoolHooks hooks = {};
  std::string max_size_reason = "option";  ///< shown in PoolStats

  /// @throws InvalidOptions  naming the field, the value and the bound
  void validate_options() const { settings().validate(); }

  [[nodiscard]] detail::PoolSettings settings() const {
    return {.max_size = max_size,
            .min_idle = min_idle,
            .name = name,
            .max_size_reason = max_size_reason,
            .fairness = fairness,
            .max_bypass = max_bypass,
            .max_waiting = max_waiting,
            .max_concurrent_creates = max_concurrent_creates,
            .create_backoff = create_backoff,
            .create_backoff_max = create_backoff_max,
            .idle_timeout = idle_timeout,
            .max_age = max_age,
            .create_timeout = create_timeout,
            .leak_after = leak_after,
            .timing = timing};
  }
};

}  // namespace modelpool
