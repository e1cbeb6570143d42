// SPDX-License-Identifier: Apache-2.0
#pragma once

// BERT encoder. Devlin et al. 2018, arXiv:1810.04805. Reference: transformers 5, models/bert/modeling_bert.py.
// T: tokens of all sequences of a batch, behind one another; C: hidden_size; nh: num_attention_heads; I:
// intermediate_size.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "models/json_file.hpp"
#include "nn/layer_norm.hpp"
#include "nn/linear.hpp"
#include "nn/ragged_batch.hpp"
#include "nn/workspace.hpp"
#include "weights/checkpoint.hpp"

namespace modelpool::models {

/// Names and defaults are those of config.json.
struct BertConfig {
  std::int64_t vocab_size = 30522;
  std::int64_t hidden_size = 768;         // H in the paper
  std::int64_t num_hidden_layers = 12;    // L in the paper
  std::int64_t num_attention_heads = 12;  // A in the paper
  std::int64_t intermediate_size = 3072;
  std::int64_t max_position_embeddings = 512;
  std::int64_t type_vocab_size = 2;
  double layer_norm_eps = 1e-12;
  nn::Activation hidden_act = nn::Activation::gelu;

  /// @throws LoadError         a value that cannot be, naming file and key
  /// @throws UnsupportedModel  an activation, position embedding or decoder that is not there
  [[nodiscard]] static BertConfig from_json(const JsonFile& file);
};

/// The sum of token, position and token type vectors, normalised.
struct BertEmbeddings {
  at::Tensor word_embeddings;        // (vocab_size, C)
  at::Tensor position_embeddings;    // (max_position_embeddings, C)
  at::Tensor token_type_embeddings;  // (type_vocab_size, C)
  nn::LayerNorm layer_norm;

  /// @return (T, C)
  [[nodiscard]] at::Tensor forward(const nn::RaggedBatch& batch, nn::Workspace& workspace) const;
};

/// Self-attention and feed-forward, each added to its input and normalised (post-norm).
struct BertLayer {
  std::int64_t num_attention_heads = 0;
  nn::Linear query_key_value;   // C -> 3 C, one product for the three
  nn::Linear attention_output;  // C -> C
  nn::LayerNorm attention_norm;
  nn::Linear intermediate;  // C -> I, with the activation
  nn::Linear output;        // I -> C
  nn::LayerNorm output_norm;

  /// @param hidden_states  (T, C), changed in place
  void forward(const at::Tensor& hidden_states, const nn::RaggedBatch& batch, nn::Workspace& workspace) const;
};

/// Thread safety: const, any number of threads, each with its own workspace.
class BertModel {
 public:
  /// @throws LoadError  a tensor is missing or has another shape than the configuration says
  BertModel(const BertConfig& config, Checkpoint& checkpoint);

  /// @param batch  ids below vocab_size, each sequence of 1 … max_position_embeddings tokens
  /// @return       (T, C): the last hidden states, valid until the workspace's next forward
  [[nodiscard]] at::Tensor forward(const nn::RaggedBatch& batch, nn::Workspace& workspace) const;

  [[nodiscard]] const BertConfig& config() const noexcept { return config_; }
  [[nodiscard]] std::uint64_t bytes() const noexcept;

 private:
  BertConfig config_;
  BertEmbeddings embeddings_;
  std::vector<BertLayer> layers_;
};

/// The names of BERT checkpoints: what they may hold beside the encoder (heads, the pooler, a table of positions), and
/// what old ones call the norms.
[[nodiscard]] CheckpointNames bert_tensor_names();

}  // namespace modelpool::models
