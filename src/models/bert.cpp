// SPDX-License-Identifier: Apache-2.0
#include "models/bert.hpp"

namespace modelpool::models {
namespace {

EncoderConfig read_config(const JsonFile& file) {
  require_encoder(file);
  auto config = read_sizes(file, {.model_type = "bert"});
  config.type_vocab_size = read_type_vocab_size(file, config.type_vocab_size);
  config.layer_norm_eps = read_layer_norm_eps(file, config.layer_norm_eps);
  return config;
}

}  // namespace

const EncoderArchitecture& bert() {
  static const EncoderArchitecture architecture{
      .model_types = {"bert"},
      .read_config = read_config,
      .names = {.base_prefix = "bert.",
                // A table of positions that old files have, and the heads of BertFor….
                .ignorable = {"embeddings.position_ids", "pooler.*", "cls.*", "classifier.*", "qa_outputs.*"},
                // What TensorFlow called the norms.
                .renamed_endings = {{".LayerNorm.gamma", ".LayerNorm.weight"}, {".LayerNorm.beta", ".LayerNorm.bias"}}},
      .layers = "encoder.layer.",
      .layer = {.query = "attention.self.query",
                .key = "attention.self.key",
                .value = "attention.self.value",
                .attention_output = "attention.output.dense",
                .attention_norm = "attention.output.LayerNorm",
                .intermediate = "intermediate.dense",
                .output = "output.dense",
                .output_norm = "output.LayerNorm"},
      .sequence_head = {.dense = "pooler.dense", .out = "classifier"}};
  return architecture;
}

}  // namespace modelpool::models
