// SPDX-License-Identifier: Apache-2.0
// The module modelpool_cuda, opened as the library opens it.
#include <cuda_runtime_api.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "device/cuda_module.hpp"
#include "modelpool/device/device.hpp"
#include "modelpool/device/memory.hpp"
#include "modelpool/error.hpp"
#include "support/catch.hpp"

using namespace modelpool;

namespace {

const CudaInterface* module_under_test() {
  ::setenv("MODELPOOL_CUDA_MODULE", MODELPOOL_TEST_CUDA_MODULE, /*overwrite=*/0);
  return detail::cuda_module().interface;
}

/// Device memory with the values of a host vector.
template <class T>
class OnDevice {
 public:
  explicit OnDevice(const std::vector<T>& values) : size_(values.size()) {
    REQUIRE(cudaMalloc(&data_, size_ * sizeof(T) + 1) == cudaSuccess);
    REQUIRE(cudaMemcpy(data_, values.data(), size_ * sizeof(T), cudaMemcpyHostToDevice) == cudaSuccess);
  }
  ~OnDevice() { cudaFree(data_); }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;
  T* data() const { return static_cast<T*>(data_); }
  std::vector<T> values() const {
    std::vector<T> out(size_);
    REQUIRE(cudaMemcpy(out.data(), data_, size_ * sizeof(T), cudaMemcpyDeviceToHost) == cudaSuccess);
    return out;
  }

 private:
  void* data_ = nullptr;
  std::size_t size_;
};

/// The slow one, in double precision.
std::vector<float> reference_means(const std::vector<float>& hidden, const std::vector<std::int32_t>& cu_seqlens,
                                   std::size_t hidden_size) {
  std::vector<float> means;
  for (std::size_t s = 0; s + 1 < cu_seqlens.size(); ++s)
    for (std::size_t c = 0; c < hidden_size; ++c) {
      double sum = 0;
      for (auto row = static_cast<std::size_t>(cu_seqlens[s]); row < static_cast<std::size_t>(cu_seqlens[s + 1]); ++row)
        sum += static_cast<double>(hidden[row * hidden_size + c]);
      const auto rows = cu_seqlens[s + 1] - cu_seqlens[s];
      means.push_back(rows > 0 ? static_cast<float>(sum / rows) : 0.0F);
    }
  return means;
}

}  // namespace

#define REQUIRE_MODULE(cuda)                    \
  const auto* const cuda = module_under_test(); \
  if (!cuda) SKIP(cuda_missing_reason())

TEST_CASE("the module counts and names the devices and measures their memory", "[cuda]") {
  REQUIRE_MODULE(cuda);
  for (int i = 0; i < cuda_device_count(); ++i) {
    char name[256] = {};
    CHECK(cuda->device_name(i, name, sizeof name) == 0);
    CHECK(std::string(name) != "");
    const auto memory = MemoryProbe{}.of(Device::cuda(i));
    CHECK(memory.available_bytes > 0);
    CHECK(memory.available_bytes <= memory.total_bytes);
  }
}

TEST_CASE("a device that is not there is an error with a text", "[cuda]") {
  REQUIRE_MODULE(cuda);
  char name[8] = {};
  CHECK(cuda->device_name(cuda_device_count(), name, sizeof name) != 0);
  CHECK(std::string(cuda->last_error()) != "");
}

TEST_CASE("automatic is the first CUDA device where there is one", "[cuda]") {
  REQUIRE_MODULE(cuda);
  CHECK(cuda->version == kCudaInterfaceVersion);
  CHECK(resolve_device(Device::automatic()) == Device::cuda(0));
}

TEST_CASE("emptying the caches is possible before and after they were used", "[cuda]") {
  REQUIRE_MODULE(cuda);
  CHECK(cuda->empty_cache() == 0);
  CHECK_NOTHROW(empty_device_cache());
}

TEST_CASE("ragged means are those of each sequence's own rows", "[cuda]") {
  REQUIRE_MODULE(cuda);
  const auto hidden_size = GENERATE(std::size_t{1}, std::size_t{31}, std::size_t{384}, std::size_t{1000});
  const std::vector<std::int32_t> cu_seqlens{0, 1, 1, 8, 264, 264};  // 1, 0, 7, 256 and 0 rows
  std::mt19937 random{7};
  std::uniform_real_distribution<float> uniform{-1, 1};
  std::vector<float> hidden(264 * hidden_size);
  for (auto& value : hidden) value = uniform(random);
  const OnDevice<float> device_hidden{hidden};
  const OnDevice<std::int32_t> device_lengths{cu_seqlens};
  const OnDevice<float> means{std::vector<float>(5 * hidden_size, std::numeric_limits<float>::quiet_NaN())};
  REQUIRE(cuda->ragged_mean_pool(device_hidden.data(), device_lengths.data(), means.data(), 5,
                                 static_cast<std::int64_t>(hidden_size), nullptr) == 0);
  REQUIRE(cudaDeviceSynchronize() == cudaSuccess);
  const auto expected = reference_means(hidden, cu_seqlens, hidden_size);
  const auto found = means.values();
  float worst = 0;
  for (std::size_t i = 0; i < found.size(); ++i) worst = std::max(worst, std::abs(found[i] - expected[i]));
  CHECK(worst < 1e-6F);
}

TEST_CASE("no sequences and no columns are no work, negative sizes an error", "[cuda]") {
  REQUIRE_MODULE(cuda);
  CHECK(cuda->ragged_mean_pool(nullptr, nullptr, nullptr, 0, 384, nullptr) == 0);
  CHECK(cuda->ragged_mean_pool(nullptr, nullptr, nullptr, 3, 0, nullptr) == 0);
  CHECK(cuda->ragged_mean_pool(nullptr, nullptr, nullptr, -1, 384, nullptr) != 0);
}
