// SPDX-License-Identifier: Apache-2.0
#include "managers/placement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "modelpool/device/memory.hpp"
#include "modelpool/error.hpp"
#include "modelpool/pool/sizer.hpp"
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

namespace {

// Before anything is loaded: what the settings allow and, by their estimate, memory has room for.
SizeDecision first_size(const Settings& settings, const std::string& task, Device device) {
  SizerInput input{.setting = settings.model_pool_max_instances};
  const auto estimate = settings.model_vram_estimates.find(task);
  const auto memory = MemoryProbe{}.of(device);
  if (estimate != settings.model_vram_estimates.end() && memory.total_bytes > 0)
    input.memory = {.available_bytes = memory.available_bytes, .instance_bytes = estimate->second};
  return size_pool(input);
}

SizeDecision size_of(const ManagerOptions& options, const Settings& settings, const std::string& task, Device device) {
  if (!settings.model_pool_enabled) return {1, SizeReason::disabled};
  if (!options.pool_size.is_automatic()) return {options.pool_size.instances(), SizeReason::option};
  return first_size(settings, task, device);
}

}  // namespace

Placement place(const ManagerOptions& options, const Settings& settings, std::size_t cores, const std::string& task) {
  options.validate();
  settings.validate();
  const auto device = resolve_device(options.device, settings.force_gpu, settings.force_cpu);
  const auto size = size_of(options, settings, task, device);
  const auto share = static_cast<int>(std::max<std::size_t>(1, cores / size.instances));
  return {.device = device,
          .dtype = dtype_for(options.dtype, device),
          .pool_size = size.instances,
          .pool_size_reason = std::string(to_string(size.reason)),
          .size_is_automatic = settings.model_pool_enabled && options.pool_size.is_automatic(),
          .size_limit = settings.model_pool_max_instances,
          .threads = options.threads.value_or(share)};
}

}  // namespace detail
}  // namespace modelpool
