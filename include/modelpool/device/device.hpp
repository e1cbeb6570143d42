// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <string>
#include <string_view>

namespace modelpool {

/// Where a model's weights live and where it computes.
struct Device {
  enum class Kind { automatic, cpu, cuda };

  Kind kind = Kind::automatic;
  int index = 0;  ///< which of the devices of this kind; 0 for the CPU

  /// The first CUDA device where there is one that this build can use, else the CPU; see resolve_device().
  [[nodiscard]] static constexpr Device automatic() noexcept { return {Kind::automatic, 0}; }
  [[nodiscard]] static constexpr Device cpu() noexcept { return {Kind::cpu, 0}; }
  [[nodiscard]] static constexpr Device cuda(int index = 0) noexcept { return {Kind::cuda, index}; }

  /// Reads "auto", "cpu", "cuda" (the first one) or "cuda:N", in any case.
  /// @throws InvalidOptions  naming the forms there are
  [[nodiscard]] static Device parse(std::string_view text);

  [[nodiscard]] friend constexpr auto operator<=>(const Device&, const Device&) noexcept = default;
};

/// "auto", "cpu" or "cuda:N": what Device::parse reads.
[[nodiscard]] std::string to_string(Device device);

/// The device to use for a wish and the two settings that override it.
///
/// `force_gpu` turns `automatic` and `cpu` into the first CUDA device, `force_cpu` turns everything into the CPU.
/// @return  a device of kind cpu or cuda; a CUDA device is there, and this build can use it
/// @throws InvalidOptions  both are forced
/// @throws DeviceError     a CUDA device is asked for by name or by force and cannot be used; the message says whether
/// the
///                         driver, the module modelpool_cuda or the device with this number is missing
/// Thread safety: any number of threads.
[[nodiscard]] Device resolve_device(Device wish, bool force_gpu = false, bool force_cpu = false);

/// How many CUDA devices this process can use: 0 where the driver or the module modelpool_cuda is missing.
[[nodiscard]] int cuda_device_count() noexcept;

/// Why cuda_device_count() is 0, as a clause for a message ("the NVIDIA driver (libcuda.so.1) is not installed"); empty
/// where it is not.
[[nodiscard]] std::string cuda_missing_reason();

}  // namespace modelpool
