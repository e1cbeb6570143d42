// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The core's definitions, for those who instantiate it: src/pool/pool_core.cpp for the real platform, tests for a simulated
/// one. Programs do not need this header.
#include <system_error>
#include <utility>

#include "modelpool/pool/detail/pool_core.hpp"
#include "modelpool/pool/errors.hpp"

namespace modelpool::detail {

[[nodiscard]] std::uint64_t new_pool_id() noexcept;
[[nodiscard]] std::exception_ptr create_timeout_error(Nanos timeout) noexcept;

/// Adds up what the slots recorded.
struct DurationSum {
  std::uint64_t count = 0, total = 0, maximum = 0;
  DurationHistogram histogram;

  void add(const DurationRecorder& recorder) noexcept {
    count += recorder.count();
    total += recorder.total();
    if (recorder.maximum() > maximum) maximum = recorder.maximum();
    for (std::size_t i = 0; i < DurationHistogram::kBuckets; ++i) histogram.counts[i] += recorder.bucket(i);
  }
  void add_zeros(std::uint64_t n) noexcept {
    count += n;
    histogram.counts[0] += n;
  }
  [[nodiscard]] DurationStats result() const noexcept {
    return {.count = count,
            .average = std::chrono::nanoseconds(count == 0 ? 0 : total / count),
            .maximum = std::chrono::nanoseconds(maximum),
            .histogram = histogram};
  }
};

}  // namespace modelpool::detail

#include "modelpool/pool/detail/pool_core_acquire.ipp"
#include "modelpool/pool/detail/pool_core_control.ipp"
#include "modelpool/pool/detail/pool_core_rules.ipp"
#include "modelpool/pool/detail/pool_core_threads.ipp"
