// SPDX-License-Identifier: Apache-2.0
#include "modelpool/pool/detail/pool_core_impl.hpp"

#include <atomic>

#include "modelpool/error.hpp"

namespace modelpool::detail {

std::uint64_t new_pool_id() noexcept {
  static std::atomic<std::uint64_t> next{1};
  return next.fetch_add(1, std::memory_order_relaxed);
}

std::exception_ptr create_timeout_error(Nanos timeout) noexcept {
  return std::make_exception_ptr(
      DeadlineExceeded("the factory took longer than create_timeout (" + std::to_string(timeout / 1'000'000) + " ms)"));
}

template class PoolCore<RealPlatform>;

}  // namespace modelpool::detail
