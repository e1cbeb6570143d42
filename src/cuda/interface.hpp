// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace modelpool {

/// What the module modelpool_cuda offers to the rest of the library, which is built without CUDA. A plain table of
/// functions, so that the module is found by one symbol and no exception crosses between the two.
///
/// Every function returns 0, or a code other than 0 whose text the calling thread gets from last_error().
/// Thread safety: any number of threads.
struct CudaInterface {
  int version;  ///< kCudaInterfaceVersion of the module
  int (*device_count)(int* count);
  int (*device_name)(int device, char* text, std::size_t text_size);
  int (*memory)(int device, std::uint64_t* free_bytes, std::uint64_t* total_bytes);
  int (*empty_cache)();  ///< of LibTorch's caching allocator, on every device
  const char* (*last_error)();

  /// Mean of each sequence's rows; enqueues only, on `stream` of the current device.
  /// @param hidden      (num_tokens, hidden_size) float32 on the device
  /// @param cu_seqlens  (num_sequences + 1) on the device: sequence i has the rows [cu_seqlens[i], cu_seqlens[i + 1])
  /// @param means       (num_sequences, hidden_size) float32 on the device; zeros for a sequence without rows
  /// @param stream      a cudaStream_t; null is the default stream
  int (*ragged_mean_pool)(const float* hidden, const std::int32_t* cu_seqlens, float* means, std::int64_t num_sequences,
                          std::int64_t hidden_size, void* stream);
};

inline constexpr int kCudaInterfaceVersion = 1;
inline constexpr const char* kCudaInterfaceSymbol = "modelpool_cuda_interface";
inline constexpr const char* kCudaModuleFile = "libmodelpool_cuda.so";

}  // namespace modelpool
