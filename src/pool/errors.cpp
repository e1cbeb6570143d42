// SPDX-License-Identifier: Apache-2.0
#include "modelpool/pool/errors.hpp"

#include <fmt/format.h>

#include <utility>

namespace modelpool {
namespace {

std::string counts(const PoolStats& stats) {
  return fmt::format("(pool '{}': size={} leased={} idle={} waiting={})", stats.name, stats.size, stats.leased,
                     stats.idle, stats.waiting);
}

std::string timeout_message(AcquireStage stage, std::chrono::nanoseconds waited, const PoolStats& stats) {
  const char* const doing = stage == AcquireStage::wait     ? "waiting"
                            : stage == AcquireStage::create ? "creating an instance"
                                                            : "validating an instance";
  std::string message =
      fmt::format("acquire timed out after {} ms while {} {}; ",
                  std::chrono::duration_cast<std::chrono::milliseconds>(waited).count(), doing, counts(stats));
  if (stats.paused) return message + "the pool is paused: resume it";
  if (stage == AcquireStage::wait) return message + "raise max_size or timeout";
  if (stage == AcquireStage::validate) return message + "raise timeout or make validate faster";
  message += "raise timeout or warm the pool up";
  if (!stats.last_create_error.empty())
    message += fmt::format("; the factory failed last with: {}", stats.last_create_error);
  return message;
}

}  // namespace

std::string describe(const std::exception_ptr& exception) {
  if (!exception) return "no exception";
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& error) {
    std::string text = error.what();
    for (char& c : text)
      if (c == '\n' || c == '\r') c = ' ';
    return text;
  } catch (...) {
    return "an exception that is not a std::exception";
  }
}

AcquireTimeout::AcquireTimeout(AcquireStage stage_, std::chrono::nanoseconds waited_, PoolStats stats_)
    : Error(kCode, timeout_message(stage_, waited_, stats_)),
      stage(stage_),
      waited(waited_),
      stats(std::move(stats_)) {}
AcquireTimeout::~AcquireTimeout() = default;

Overloaded::Overloaded(PoolStats stats_)
    : Error(kCode,
            fmt::format(
                "acquire was refused because {} callers wait already {}; try later, or raise max_waiting or max_size",
                stats_.waiting, counts(stats_))),
      stats(std::move(stats_)) {}
Overloaded::~Overloaded() = default;

PoolClosed::PoolClosed(PoolStats stats_)
    : Error(kCode, fmt::format("acquire was refused because the pool is {} {}; {}",
                               stats_.closed ? "closed" : "being cleaned up", counts(stats_),
                               stats_.closed ? "make a new pool" : "try again when cleanup() has returned")),
      stats(std::move(stats_)) {}
PoolClosed::~PoolClosed() = default;

CreateFailed::CreateFailed(std::exception_ptr cause_, PoolStats stats_)
    : Error(kCode,
            fmt::format("an instance could not be created: {} {}; remove the cause, the pool tries again by itself",
                        describe(cause_), counts(stats_))),
      cause(std::move(cause_)),
      stats(std::move(stats_)) {}
CreateFailed::~CreateFailed() = default;

DeadlockError::DeadlockError(PoolStats stats_)
    : Error(kCode,
            fmt::format(
                "acquire would wait for ever: this thread itself holds what it asks for {}; end a lease first, or "
                "raise max_size",
                counts(stats_))),
      stats(std::move(stats_)) {}
DeadlockError::~DeadlockError() = default;

}  // namespace modelpool
