// SPDX-License-Identifier: Apache-2.0
#include "cuda/interface.hpp"

#include <c10/cuda/CUDACachingAllocator.h>
#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <string>

#include "cuda/ragged_mean_pool.hpp"

namespace modelpool {
namespace {

std::string& error_text() {
  thread_local std::string text;
  return text;
}

int failed(const char* text) noexcept {
  try {
    error_text() = text;
  } catch (const std::exception&) {
    error_text().clear();  // no memory for the text
  }
  return 1;
}

/// Runs `call`, which returns a cudaError_t, with this interface's way of telling errors.
template <class Call>
int checked(Call call) noexcept {
  try {
    const cudaError_t error = call();
    return error == cudaSuccess ? 0 : failed(cudaGetErrorString(error));
  } catch (const std::exception& error) {
    return failed(error.what());
  }
}

/// Makes `device` the calling thread's, and restores the one of before.
class DeviceScope {
 public:
  explicit DeviceScope(int device) : error_(cudaGetDevice(&before_)) {
    if (error_ == cudaSuccess) error_ = cudaSetDevice(device);
  }
  ~DeviceScope() { cudaSetDevice(before_); }
  DeviceScope(const DeviceScope&) = delete;
  DeviceScope& operator=(const DeviceScope&) = delete;
  [[nodiscard]] cudaError_t error() const noexcept { return error_; }

 private:
  int before_ = 0;
  cudaError_t error_;
};

int device_count(int* count) {
  return checked([&] {
    const auto error = cudaGetDeviceCount(count);
    if (error != cudaErrorNoDevice) return error;
    *count = 0;
    return cudaSuccess;
  });
}

int device_name(int device, char* text, std::size_t text_size) {
  return checked([&] {
    cudaDeviceProp properties{};
    const auto error = cudaGetDeviceProperties(&properties, device);
    if (error != cudaSuccess || text_size == 0) return error;
    const auto length = std::min(std::strlen(properties.name), text_size - 1);
    std::copy_n(properties.name, length, text);
    text[length] = '\0';
    return error;
  });
}

int memory(int device, std::uint64_t* free_bytes, std::uint64_t* total_bytes) {
  return checked([&] {
    const DeviceScope scope{device};
    if (scope.error() != cudaSuccess) return scope.error();
    std::size_t free_now = 0;
    std::size_t total = 0;
    const auto error = cudaMemGetInfo(&free_now, &total);
    *free_bytes = free_now;
    *total_bytes = total;
    return error;
  });
}

int empty_cache() {
  return checked([] {
    // Before anything was allocated there is no allocator to ask.
    if (auto* const allocator = c10::cuda::CUDACachingAllocator::get(); allocator && allocator->initialized())
      allocator->emptyCache();
    return cudaSuccess;
  });
}

const char* last_error() { return error_text().c_str(); }

int pool_means(const float* hidden, const std::int32_t* cu_seqlens, float* means, std::int64_t num_sequences,
               std::int64_t hidden_size, void* stream) {
  return checked([&] {
    return cuda::ragged_mean_pool({hidden, cu_seqlens, means, num_sequences, hidden_size},
                                  static_cast<cudaStream_t>(stream));
  });
}

constexpr CudaInterface kInterface{.version = kCudaInterfaceVersion,
                                   .device_count = device_count,
                                   .device_name = device_name,
                                   .memory = memory,
                                   .empty_cache = empty_cache,
                                   .last_error = last_error,
                                   .ragged_mean_pool = pool_means};

}  // namespace
}  // namespace modelpool

/// The one symbol that is looked up in the module.
extern "C" __attribute__((visibility("default"))) const modelpool::CudaInterface* modelpool_cuda_interface() {
  return &modelpool::kInterface;
}
