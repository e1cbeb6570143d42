// SPDX-License-Identifier: Apache-2.0
#include "modelpool/pool/options.hpp"

#include "modelpool/pool/errors.hpp"

namespace modelpool {

OnException default_on_exception(const std::exception_ptr& exception) {
  if (!exception) return OnException::validate;
  try {
    std::rethrow_exception(exception);
  } catch (const InvalidInput&) {
  } catch (const InvalidOptions&) {
  } catch (const DeadlineExceeded&) {
  } catch (const Cancelled&) {
  } catch (const AcquireTimeout&) {
  } catch (const Overloaded&) {
  } catch (const PoolClosed&) {
  } catch (const CreateFailed&) {
  } catch (const DeadlockError&) {
  } catch (...) {
    return OnException::retire;
  }
  return OnException::keep;
}

namespace detail {
namespace {

void require(bool holds, const char* field, std::size_t value, const char* bound) {
  if (!holds) throw InvalidOptions(field, std::to_string(value), bound);
}

void require_positive(const char* field, std::chrono::nanoseconds value) {
  if (value.count() <= 0) throw InvalidOptions(field, std::to_string(value.count()) + " ns", "greater than 0");
}

}  // namespace

void PoolSettings::validate() const {
  require(max_size >= 1 && max_size <= 65535, "max_size", max_size, "from 1 to 65535");
  require(min_idle <= max_size, "min_idle", min_idle, "at most max_size");
  require(max_concurrent_creates >= 1, "max_concurrent_creates", max_concurrent_creates, "at least 1");
  if (max_bypass.count() < 0)
    throw InvalidOptions("max_bypass", std::to_string(max_bypass.count()) + " ns", "at least 0");
  require_positive("create_backoff", create_backoff);
  require_positive("create_backoff_max", create_backoff_max);
  if (idle_timeout) require_positive("idle_timeout", *idle_timeout);
  if (max_age) require_positive("max_age", *max_age);
  if (create_timeout) require_positive("create_timeout", *create_timeout);
  if (leak_after) require_positive("leak_after", *leak_after);
  if (leak_after && timing == Timing::off)
    throw InvalidOptions("timing", "off", "sampled or every where leak_after is set");
}

}  // namespace detail
}  // namespace modelpool
