// SPDX-License-Identifier: Apache-2.0
// The encoders by LibTorch's operators, here on the CPU, against those by our own kernels.
#include "models/torch_encoder.hpp"

#include <ATen/ops/all.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/sub.h>
#include <c10/core/InferenceMode.h>

#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "models/embedding_model.hpp"
#include "support/catch.hpp"

using namespace modelpool;
using namespace modelpool::models;

namespace {

/// Sequences of 1 to 12 tokens, among them the padding token.
nn::RaggedBatch random_batch(const EncoderConfig& config) {
  std::mt19937 random{3};
  std::uniform_int_distribution<std::int32_t> id(0, static_cast<std::int32_t>(config.vocab_size) - 1);
  nn::RaggedBatch batch;
  for (const int length : {5, 1, 12, 7}) {
    std::vector<std::int32_t> ids;
    for (int i = 0; i < length; ++i) ids.push_back(id(random));
    if (config.padding_idx && length > 6) ids[2] = static_cast<std::int32_t>(*config.padding_idx);
    batch.append(ids);
  }
  return batch;
}

double largest_difference(const at::Tensor& a, const at::Tensor& b) { return at::sub(a, b).abs().max().item<double>(); }

struct Both {
  at::Tensor kernels, operators;
};

Both outputs(const std::string& folder, at::ScalarType type) {
  const c10::InferenceMode inference;
  const auto config = EmbeddingConfig::from_folder(std::filesystem::path(MODELPOOL_TEST_DATA) / folder);
  auto first = config.open_checkpoint(), second = config.open_checkpoint();
  const auto kernels = make_encoder(config.encoder, *config.architecture, first.transformer, {});
  const TorchEncoder operators(config.encoder, *config.architecture, second.transformer, {at::kCPU, type});
  const auto batch = random_batch(config.encoder);
  nn::Workspace mine(1), theirs(1);
  return {kernels->forward(batch, mine).clone(), operators.forward(batch, theirs)};
}

}  // namespace

TEST_CASE("encoders of operators give what our kernels give, in every architecture", "[encoders]") {
  const std::string folder =
      GENERATE("encoders/bert", "encoders/roberta", "encoders/xlm_roberta", "encoders/mpnet", "encoders/distilbert");
  CAPTURE(folder);
  const auto both = outputs(folder, at::kFloat);
  REQUIRE(both.kernels.sizes() == both.operators.sizes());
  CHECK(largest_difference(both.kernels, both.operators) < 2e-5);
}

TEST_CASE("encoders of operators compute in half the bits", "[encoders]") {
  const std::string folder =
      GENERATE("encoders/bert", "encoders/roberta", "encoders/xlm_roberta", "encoders/mpnet", "encoders/distilbert");
  const auto type = GENERATE(at::kBFloat16, at::kHalf);
  CAPTURE(folder);
  const auto both = outputs(folder, type);
  CHECK(both.operators.scalar_type() == at::kFloat);
  CHECK(at::all(at::isfinite(both.operators)).item<bool>());
  CHECK(largest_difference(both.kernels, both.operators) < 0.15);  // of values about 1
}

TEST_CASE("an encoder of operators counts the bytes that it keeps", "[encoders]") {
  const c10::InferenceMode inference;
  const auto config = EmbeddingConfig::from_folder(std::filesystem::path(MODELPOOL_TEST_DATA) / "encoders/bert");
  auto one = config.open_checkpoint(), two = config.open_checkpoint();
  const TorchEncoder whole(config.encoder, *config.architecture, one.transformer, {at::kCPU, at::kFloat});
  const TorchEncoder half(config.encoder, *config.architecture, two.transformer, {at::kCPU, at::kHalf});
  CHECK(whole.bytes() == 2 * half.bytes());
  CHECK(whole.bytes() > 0);
}
