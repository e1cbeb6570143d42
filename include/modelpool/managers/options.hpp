// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>

#include "modelpool/device/device.hpp"
#include "modelpool/weights/dtype.hpp"

namespace modelpool {

/// How many instances a manager keeps: a number, or the choice of the library.
class PoolSize {
 public:
  [[nodiscard]] static constexpr PoolSize automatic() noexcept { return PoolSize{}; }
  /// Implicit, so that options read `{.pool_size = 4}`.
  constexpr PoolSize(std::size_t instances) noexcept : instances_(instances) {}

  [[nodiscard]] constexpr bool is_automatic() const noexcept { return !instances_; }
  /// @pre !is_automatic()
  [[nodiscard]] constexpr std::size_t instances() const noexcept { return *instances_; }

 private:
  constexpr PoolSize() noexcept = default;
  std::optional<std::size_t> instances_;
};

/// How a manager places and runs its model. The same for every task.
struct ManagerOptions {
  Device device = Device::automatic();
  DType dtype = DType::automatic;
  PoolSize pool_size = PoolSize::automatic();  ///< automatic: at most Settings::model_pool_max_instances, less where
                                               ///< memory or throughput say so
  std::optional<int> threads = {};  ///< intra-op threads of an instance; nullopt: cores / pool size, at least 1
  /// A call without a lease takes an instance for one batch at a time and uses as many instances as it has work for, so
  /// that calls of one text pass between the batches of a call of thousands; where all are busy, texts of several callers
  /// are computed together. false: it keeps one instance to its end, for itself alone.
  bool share_between_callers = true;

  /// @throws InvalidOptions  naming the member, its value and its bound
  void validate() const;
};

}  // namespace modelpool
