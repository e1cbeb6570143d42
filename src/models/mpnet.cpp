// SPDX-License-Identifier: Apache-2.0
#include "models/mpnet.hpp"

#include <ATen/ops/empty.h>

#include <cstdlib>

namespace modelpool::models {
namespace {

constexpr std::int64_t kBuckets = 32;  // whatever the configuration says: it only sizes the table

EncoderConfig read_config(const JsonFile& file) {
  require_encoder(file);
  auto config = read_sizes(file, {.model_type = "mpnet"});
  config.type_vocab_size = 0;
  config.layer_norm_eps = read_layer_norm_eps(file, config.layer_norm_eps);
  config.padding_idx = read_padding_idx(file, config, 1);
  config.relative_attention_num_buckets =
      file.integer("relative_attention_num_buckets", kBuckets, 1 << 20).value_or(kBuckets);
  return config;
}

// Which row of the table a key at distance `j - i` behind the query has. The half of them for keys behind: one each for
// the next 7, then one for each half of an octave, up to a distance of 128. The other half for keys before, and for the
// query's own.
std::int64_t bucket(std::int64_t distance) {
  constexpr std::int64_t kHalf = kBuckets / 2;
  constexpr std::int64_t kExact = kHalf / 2;
  const std::int64_t side = distance > 0 ? kHalf : 0;
  const std::int64_t n = std::abs(distance);
  if (n < kExact) return side + n;
  std::int64_t i = kExact;
  for (std::int64_t square = 2 * kExact * kExact; i < kHalf - 1 && n * n >= square; square *= 2) ++i;
  return side + i;
}

nn::RelativeBias relative_bias(const EncoderConfig& config, ModuleLoader& loader) {
  const auto nh = config.num_attention_heads;
  const auto n = config.max_length();
  const auto table =
      loader.copied("encoder.relative_attention_bias.weight", {config.relative_attention_num_buckets, nh});
  auto values = at::empty({nh, 2 * n - 1}, at::kFloat);
  const float* const from = table.const_data_ptr<float>();
  float* to = values.mutable_data_ptr<float>();
  for (std::int64_t head = 0; head < nh; ++head) {
    for (std::int64_t distance = 1 - n; distance < n; ++distance) *to++ = from[bucket(distance) * nh + head];
  }
  return {values};
}

}  // namespace

const EncoderArchitecture& mpnet() {
  static const EncoderArchitecture architecture{
      .model_types = {"mpnet"},
      .read_config = read_config,
      .names = {.base_prefix = "mpnet.",
                .ignorable = {"embeddings.position_ids", "pooler.*", "lm_head.*", "classifier.*", "qa_outputs.*"},
                .renamed_endings = {{".LayerNorm.gamma", ".LayerNorm.weight"}, {".LayerNorm.beta", ".LayerNorm.bias"}}},
      .layers = "encoder.layer.",
      .layer = {.query = "attention.attn.q",
                .key = "attention.attn.k",
                .value = "attention.attn.v",
                .attention_output = "attention.attn.o",
                .attention_norm = "attention.LayerNorm",
                .intermediate = "intermediate.dense",
                .output = "output.dense",
                .output_norm = "output.LayerNorm"},
      .sequence_head = {.dense = "classifier.dense", .out = "classifier.out_proj"},
      .relative_bias = relative_bias};
  return architecture;
}

}  // namespace modelpool::models
