// SPDX-License-Identifier: Apache-2.0
#include "managers/placement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "modelpool/error.hpp"
#include "nn/precision.hpp"

namespace modelpool {
namespace {

constexpr std::size_t kMostInstances = 65535;  // as PoolOptions::max_size
constexpr int kMostThreads = 4096;

}  // namespace

void ManagerOptions::validate() const {
  if (!pool_size.is_automatic() && (pool_size.instances() < 1 || pool_size.instances() > kMostInstances)) {
    throw InvalidOptions("pool_size", fmt::to_string(pool_size.instances()),
                         fmt::format("auto, or 1 to {}", kMostInstances));
  }
  if (threads && (*threads < 1 || *threads > kMostThreads)) {
    throw InvalidOptions("threads", fmt::to_string(*threads), fmt::format("1 to {}", kMostThreads));
  }
}

namespace detail {
namespace {

DType dtype_for(DType wish, Device device) {
  if (device.kind == Device::Kind::cpu) {
    const DType dtype = wish == DType::automatic ? nn::automatic_dtype() : wish;
    (void)nn::precision_of(dtype);  // refuses what there is not
    return dtype;
  }
  if (wish == DType::int8) {
    throw InvalidOptions("dtype", std::string(to_string(wish)), "float32, bfloat16, float16 or auto on a CUDA device");
  }
  return wish == DType::automatic ? DType::float16 : wish;  // three more bits than bfloat16, and as fast
}

}  // namespace

Placement place(const ManagerOptions& options, const Settings& settings, std::size_t cores) {
  options.validate();
  settings.validate();
  const auto device = resolve_device(options.device, settings.force_gpu, settings.force_cpu);
  Placement placement{.device = device,
                      .dtype = dtype_for(options.dtype, device),
                      .pool_size = settings.model_pool_max_instances,
                      .pool_size_reason = "setting",
                      .threads = 1};
  if (!settings.model_pool_enabled) {
    placement.pool_size = 1;
    placement.pool_size_reason = "disabled";
  } else if (!options.pool_size.is_automatic()) {
    placement.pool_size = options.pool_size.instances();
    placement.pool_size_reason = "option";
  }
  placement.threads = options.threads.value_or(static_cast<int>(std::max<std::size_t>(1, cores / placement.pool_size)));
  return placement;
}

}  // namespace detail
}  // namespace modelpool
