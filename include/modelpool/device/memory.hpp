// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "modelpool/device/device.hpp"

namespace modelpool {

/// Of the host or of one CUDA device, in bytes.
struct MemoryAmount {
  std::uint64_t total_bytes = 0;
  std::uint64_t available_bytes =
      0;  ///< what can be allocated now without swapping, caches of the system counted as free
};

/// Of this process, in bytes.
struct ProcessMemory {
  std::uint64_t resident_bytes = 0;  ///< RSS: in memory, shared pages included
  std::optional<std::uint64_t>
      proportional_bytes;  ///< PSS: a page that n processes share counts 1/n; nullopt on systems
                           ///< without it (Linux before 4.14)
};

/// Measures memory. Reading the process's takes milliseconds for each gigabyte in memory; nothing is cached.
/// Thread safety: any number of threads.
class MemoryProbe {
 public:
  /// @param root  where /proc and /sys are looked for; another one than "/" is for tests
  explicit MemoryProbe(std::filesystem::path root = "/");

  /// The machine's memory, or what the control groups (v1 or v2) of this process leave of it, whichever is less.
  [[nodiscard]] MemoryAmount host() const;

  /// All zero where the system does not tell.
  [[nodiscard]] ProcessMemory process() const;

  /// Of the device as a whole, whoever uses it. The CPU's is host().
  /// @throws InvalidOptions  the device is `automatic`
  /// @throws DeviceError     it cannot be used, or fails
  [[nodiscard]] MemoryAmount of(Device device) const;

 private:
  std::filesystem::path root_;
};

/// Gives memory that allocators keep for later back to the system: the C library's, and on CUDA devices LibTorch's. What is
/// in use is not touched, so it may be called at any time, also with leases out; the allocations after it are slower.
/// Blocks for milliseconds; on CUDA devices it waits for their work. Thread safety: any number of threads.
/// @throws DeviceError  a CUDA device fails
void empty_device_cache();

}  // namespace modelpool
