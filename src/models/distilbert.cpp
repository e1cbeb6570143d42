// SPDX-License-Identifier: Apache-2.0
#include "models/distilbert.hpp"

namespace modelpool::models {
namespace {

EncoderConfig read_config(const JsonFile& file) {
  require_encoder(file);
  auto config = read_sizes(file, {.model_type = "distilbert", .num_hidden_layers = 6},
                           {.hidden_size = "dim",
                            .num_hidden_layers = "n_layers",
                            .num_attention_heads = "n_heads",
                            .intermediate_size = "hidden_dim",
                            .hidden_act = "activation"});
  config.type_vocab_size = 0;  // sinusoidal_pos_embds is not asked for: the table is in the file
  return config;
}

}  // namespace

const EncoderArchitecture& distilbert() {
  static const EncoderArchitecture architecture{
      .model_types = {"distilbert"},
      .read_config = read_config,
      .names = {.base_prefix = "distilbert.",
                // A table of positions that old files have, and the heads of DistilBertFor….
                .ignorable = {"embeddings.position_ids", "vocab_transform.*", "vocab_layer_norm.*", "vocab_projector.*",
                              "pre_classifier.*", "classifier.*", "qa_outputs.*"},
                .renamed_endings = {{".LayerNorm.gamma", ".LayerNorm.weight"}, {".LayerNorm.beta", ".LayerNorm.bias"}}},
      .layers = "transformer.layer.",
      .layer = {.query = "attention.q_lin",
                .key = "attention.k_lin",
                .value = "attention.v_lin",
                .attention_output = "attention.out_lin",
                .attention_norm = "sa_layer_norm",
                .intermediate = "ffn.lin1",
                .output = "ffn.lin2",
                .output_norm = "output_layer_norm"},
      .sequence_head = {.dense = "pre_classifier", .activation = nn::Activation::relu, .out = "classifier"}};
  return architecture;
}

}  // namespace modelpool::models
