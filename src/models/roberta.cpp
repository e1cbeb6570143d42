// SPDX-License-Identifier: Apache-2.0
#include "models/roberta.hpp"

namespace modelpool::models {
namespace {

EncoderConfig read_config(const JsonFile& file) {
  require_encoder(file);
  auto config = read_sizes(file, {.model_type = file.string("model_type").value_or("roberta")});
  config.type_vocab_size = read_type_vocab_size(file, config.type_vocab_size);
  config.layer_norm_eps = read_layer_norm_eps(file, config.layer_norm_eps);
  config.padding_idx = read_padding_idx(file, config, 1);
  return config;
}

}  // namespace

const EncoderArchitecture& roberta() {
  static const EncoderArchitecture architecture{
      .model_types = {"roberta", "xlm-roberta", "camembert"},
      .read_config = read_config,
      .names = {.base_prefix = "roberta.",
                // Tables of numbers that old files have, and the heads of RobertaFor….
                .ignorable = {"embeddings.position_ids", "embeddings.token_type_ids", "pooler.*", "lm_head.*",
                              "classifier.*", "qa_outputs.*"},
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
      .sequence_head = {.dense = "classifier.dense", .out = "classifier.out_proj"}};
  return architecture;
}

}  // namespace modelpool::models
