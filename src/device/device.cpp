// SPDX-License-Identifier: Apache-2.0
#include "modelpool/device/device.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "device/cuda_module.hpp"
#include "modelpool/error.hpp"

namespace modelpool {
namespace {

std::optional<int> parse_index(std::string_view digits) {
  int index = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
  const bool whole = error == std::errc{} && end == digits.data() + digits.size() && digits.front() != '-';
  return whole ? std::optional{index} : std::nullopt;
}

std::string lower(std::string_view text) {
  std::string out{text};
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

Device usable_cuda(Device device, std::string_view who_asks) {
  const auto& module = detail::cuda_module();
  if (module.device_count == 0)
    throw DeviceError{to_string(device), fmt::format("{} asks for {}, but {}; use cpu or auto", who_asks,
                                                     to_string(device), module.missing_reason)};
  if (device.index >= module.device_count)
    throw DeviceError{to_string(device), fmt::format("{} asks for {}, but there are {} CUDA devices, numbered from 0",
                                                     who_asks, to_string(device), module.device_count)};
  return device;
}

}  // namespace

Device Device::parse(std::string_view text) {
  constexpr std::string_view kNumbered = "cuda:";
  const auto name = lower(text);
  if (name == "auto") return automatic();
  if (name == "cpu") return cpu();
  if (name == "cuda") return cuda();
  if (name.size() > kNumbered.size() && name.starts_with(kNumbered))
    if (const auto index = parse_index(std::string_view{name}.substr(kNumbered.size()))) return cuda(*index);
  throw InvalidOptions{"device", fmt::format("\"{}\"", text), "auto, cpu, cuda or cuda:N (N from 0)"};
}

std::string to_string(Device device) {
  if (device.kind == Device::Kind::automatic) return "auto";
  if (device.kind == Device::Kind::cpu) return "cpu";
  return fmt::format("cuda:{}", device.index);
}

Device resolve_device(Device wish, bool force_gpu, bool force_cpu) {
  if (force_gpu && force_cpu)
    throw InvalidOptions{"force_cpu", "true together with force_gpu",
                         "chosen alone: force the GPU or the CPU, not both"};
  if (force_cpu) return Device::cpu();
  if (wish.kind == Device::Kind::cuda) return usable_cuda(wish, "the option device");
  if (force_gpu) return usable_cuda(Device::cuda(), "the setting force_gpu");
  if (wish.kind == Device::Kind::cpu || cuda_device_count() == 0) return Device::cpu();
  return Device::cuda();
}

int cuda_device_count() noexcept { return detail::cuda_module().device_count; }

std::string cuda_missing_reason() { return detail::cuda_module().missing_reason; }

}  // namespace modelpool
