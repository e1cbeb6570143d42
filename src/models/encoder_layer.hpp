// SPDX-License-Identifier: Apache-2.0
#pragma once

// The layer that BERT and its relatives are stacks of. Vaswani et al. 2017, arXiv:1706.03762, section 3.1 (post-norm).
// T: tokens of all sequences of a batch, behind one another; C: hidden_size; I: intermediate_size.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "models/encoder_config.hpp"
#include "models/module_loader.hpp"
#include "nn/attention.hpp"
#include "nn/layer_norm.hpp"
#include "nn/linear.hpp"
#include "nn/ragged_batch.hpp"
#include "nn/workspace.hpp"

namespace modelpool::models {

/// What an architecture's checkpoints call the parts of a layer, below the layer's prefix.
struct EncoderLayerNames {
  std::string query, key, value;  ///< linear layers C -> C
  std::string attention_output;   ///< C -> C
  std::string attention_norm;
  std::string intermediate;  ///< C -> I
  std::string output;        ///< I -> C
  std::string output_norm;
};

/// Self-attention and feed-forward, each added to its input and normalised.
/// Thread safety: const, any number of threads, each with its own workspace.
class EncoderLayer {
 public:
  /// @param prefix         of the layer's names, for example "encoder.layer.0."
  /// @param relative_bias  of the attention, the same for all layers; its `values` undefined: none
  /// @throws LoadError  a tensor is missing, or of another shape than the configuration says
  EncoderLayer(const EncoderConfig& config, const EncoderLayerNames& names, const std::string& prefix,
               const nn::RelativeBias& relative_bias, ModuleLoader& loader);

  /// @param hidden_states  (T, C), changed in place
  void forward(const at::Tensor& hidden_states, const nn::RaggedBatch& batch, nn::Workspace& workspace) const;

  /// Without the bias, which is not its own.
  [[nodiscard]] std::uint64_t bytes() const noexcept;

 private:
  void attend(const at::Tensor& hidden_states, const at::Tensor& context, const nn::RaggedBatch& batch,
              nn::Workspace& workspace) const;
  [[nodiscard]] std::int64_t block_rows() const;
  void finish_in_blocks(const at::Tensor& hidden_states, const at::Tensor& context, nn::Workspace& workspace) const;
  void finish_rows(float* hidden_states, const float* context, std::int64_t rows, float* block, float* scratch) const;
  void finish_together(const at::Tensor& hidden_states, const at::Tensor& context, nn::Workspace& workspace) const;

  std::int64_t num_attention_heads_;
  nn::RelativeBias relative_bias_;
  nn::Linear query_key_value_;   // C -> 3 C, one product for the three
  nn::Linear attention_output_;  // C -> C
  nn::LayerNorm attention_norm_;
  nn::Linear intermediate_;  // C -> I, with the activation
  nn::Linear output_;        // I -> C
  nn::LayerNorm output_norm_;
};

}  // namespace modelpool::models
