// SPDX-License-Identifier: Apache-2.0
// Embeddings on a CUDA device against those on the CPU.
#include <cmath>
#include <filesystem>
#include <numeric>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "modelpool/device/device.hpp"
#include "modelpool/error.hpp"
#include "modelpool/managers/embedding.hpp"
#include "support/catch.hpp"

using namespace modelpool;

namespace {

const std::filesystem::path kEncoders = std::filesystem::path(MODELPOOL_TEST_DATA) / "encoders";
const std::vector<std::string> kTexts{"a", "the cat sat on the mat", "", "tokens and more tokens and more of them"};

double cosine(std::span<const float> a, std::span<const float> b) {
  const auto dot = [](auto x, auto y) { return std::inner_product(x.begin(), x.end(), y.begin(), 0.0); };
  return dot(a, b) / std::sqrt(dot(a, a) * dot(b, b));
}

}  // namespace

TEST_CASE("embeddings of every architecture on CUDA are those of the CPU", "[cuda]") {
  if (cuda_device_count() == 0) SKIP(cuda_missing_reason());
  const std::string folder = GENERATE("bert", "roberta", "xlm_roberta", "mpnet", "distilbert");
  const auto dtype = GENERATE(DType::float32, DType::float16, DType::bfloat16, DType::automatic);
  CAPTURE(folder, to_string(dtype));
  EmbeddingManager on_cpu{kEncoders / folder, {.device = Device::cpu(), .dtype = DType::float32}};
  EmbeddingManager on_cuda{kEncoders / folder, {.device = Device::cuda(), .dtype = dtype}};
  const auto expected = on_cpu.embed(kTexts), found = on_cuda.embed(kTexts);
  for (std::size_t i = 0; i < kTexts.size(); ++i)
    CHECK(cosine(found[i], expected[i]) > (dtype == DType::float32 ? 0.99999 : 0.99));
}

TEST_CASE("instances on CUDA compute side by side, each on its stream", "[cuda]") {
  if (cuda_device_count() == 0) SKIP(cuda_missing_reason());
  EmbeddingManager manager{kEncoders / "bert", {.device = Device::cuda(), .pool_size = 4}};
  const auto expected = manager.embed(kTexts);
  std::vector<std::vector<float>> found(8);
  {
    std::vector<std::jthread> callers;
    for (auto& values : found) {
      callers.emplace_back([&] {
        for (int i = 0; i < 50; ++i) values = manager.embed(kTexts, *manager.acquire()).values;
      });
    }
  }
  for (const auto& values : found) CHECK(cosine(values, expected.values) > 0.9999);
}

TEST_CASE("int8 on CUDA is refused by name", "[cuda]") {
  if (cuda_device_count() == 0) SKIP(cuda_missing_reason());
  CHECK_THROWS_AS((EmbeddingManager{kEncoders / "bert", {.device = Device::cuda(), .dtype = DType::int8}}),
                  InvalidOptions);
}
