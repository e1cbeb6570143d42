// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "modelpool/device/device.hpp"
#include "modelpool/managers/options.hpp"
#include "modelpool/settings.hpp"
#include "modelpool/weights/dtype.hpp"

namespace modelpool::detail {

/// What a manager's options and the settings come to on this machine: nothing is automatic any more.
struct Placement {
  Device device;
  DType dtype;
  std::size_t pool_size;
  std::string pool_size_reason;  ///< the name of a SizeReason
  bool size_is_automatic;        ///< may be measured, up to size_limit
  std::size_t size_limit;        ///< Settings::model_pool_max_instances
  int threads;                   ///< intra-op threads of an instance
};

/// @param cores  that this process may use
/// @param task   whose estimate of memory in Settings::model_vram_estimates counts, for example "embedding"
/// @throws InvalidOptions, DeviceError
[[nodiscard]] Placement place(const ManagerOptions& options, const Settings& settings, std::size_t cores,
                              const std::string& task = {});

}  // namespace modelpool::detail
