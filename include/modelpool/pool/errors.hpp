// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <exception>
#include <string>
#include <string_view>

#include "modelpool/error.hpp"
#include "modelpool/pool/stats.hpp"

/// The errors of the pool. Cancelled is in error.hpp.
namespace modelpool {

/// What acquire was doing when its time was up.
enum class AcquireStage {
  wait,      ///< every instance was leased, or the pool was paused or held exclusively
  create,    ///< an instance was being created, or the next attempt to create one was not due yet
  validate,  ///< PoolOptions::validate ran
};

/// acquire's timeout passed. A factory call that was under way continues; its instance goes to the pool.
class AcquireTimeout : public Error {
 public:
  static constexpr std::string_view kCode = "acquire_timeout";
  AcquireTimeout(AcquireStage stage, std::chrono::nanoseconds waited, PoolStats stats);
  ~AcquireTimeout() override;
  AcquireStage stage;
  std::chrono::nanoseconds waited;
  PoolStats stats;
};

/// As many callers wait already as PoolOptions::max_waiting allows. Try later, or elsewhere.
class Overloaded : public Error {
 public:
  static constexpr std::string_view kCode = "overloaded";
  explicit Overloaded(PoolStats stats);
  ~Overloaded() override;
  PoolStats stats;
};

/// The pool was closed, or is being cleaned up; the caller was refused, or sent away from the queue.
class PoolClosed : public Error {
 public:
  static constexpr std::string_view kCode = "pool_closed";
  explicit PoolClosed(PoolStats stats);
  ~PoolClosed() override;
  PoolStats stats;
};

/// The factory failed, and this caller was the one to be told. The cause is nested (std::rethrow_if_nested) where the
/// error is thrown by acquire or warm_up, and always in `cause`.
class CreateFailed : public Error {
 public:
  static constexpr std::string_view kCode = "create_failed";
  CreateFailed(std::exception_ptr cause, PoolStats stats);
  ~CreateFailed() override;
  std::exception_ptr cause;
  PoolStats stats;
};

/// The calling thread itself holds every instance that it would have to wait for.
class DeadlockError : public Error {
 public:
  static constexpr std::string_view kCode = "deadlock";
  explicit DeadlockError(PoolStats stats);
  ~DeadlockError() override;
  PoolStats stats;
};

/// The text of an exception on one line: what() of a std::exception, else a description.
[[nodiscard]] std::string describe(const std::exception_ptr& exception);

}  // namespace modelpool
