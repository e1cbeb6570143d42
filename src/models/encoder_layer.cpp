// SPDX-License-Identifier: Apache-2.0
#include "models/encoder_layer.hpp"

#include <algorithm>

#include "nn/parallel.hpp"

namespace modelpool::models {

using Slot = nn::Workspace::Slot;

EncoderLayer::EncoderLayer(const EncoderConfig& config, const EncoderLayerNames& names, const std::string& prefix,
                           const nn::RelativeBias& relative_bias, ModuleLoader& loader)
    : num_attention_heads_(config.num_attention_heads), relative_bias_(relative_bias) {
  const auto C = config.hidden_size;
  const auto I = config.intermediate_size;
  query_key_value_ = loader.fused({prefix + names.query, prefix + names.key, prefix + names.value}, C);
  attention_output_ = loader.linear(prefix + names.attention_output, {C, C});
  attention_norm_ = loader.norm(prefix + names.attention_norm, C, config.layer_norm_eps);
  intermediate_ = loader.linear(prefix + names.intermediate, {I, C}, config.hidden_act);
  output_ = loader.linear(prefix + names.output, {C, I});
  output_norm_ = loader.norm(prefix + names.output_norm, C, config.layer_norm_eps);
}

void EncoderLayer::forward(const at::Tensor& hidden_states, const nn::RaggedBatch& batch,
                           nn::Workspace& workspace) const {
  const auto tokens = hidden_states.size(0);
  const auto context = workspace.take(Slot::context, tokens, hidden_states.size(1));
  attend(hidden_states, context, batch, workspace);
  if (tokens >= workspace.threads() * block_rows() || workspace.threads() == 1) {
    finish_in_blocks(hidden_states, context, workspace);
  } else {
    finish_together(hidden_states, context, workspace);
  }
}

// context = attention among the tokens of each sequence
void EncoderLayer::attend(const at::Tensor& hidden_states, const at::Tensor& context, const nn::RaggedBatch& batch,
                          nn::Workspace& workspace) const {
  const auto qkv = workspace.take(Slot::wide, hidden_states.size(0), 3 * hidden_states.size(1));
  query_key_value_.forward(hidden_states, qkv, workspace);  // (T, 3 C)
  const nn::AttentionHeads heads{num_attention_heads_, relative_bias_.values.defined() ? &relative_bias_ : nullptr,
                                 query_key_value_.precision()};
  nn::ragged_self_attention(qkv, context, batch, heads, workspace);  // (T, C)
}

// ---- after the attention a row needs no other row

// So many that the weights, which each block walks through, are worth the way, and so few that what is between the steps
// stays in the second-level cache.
std::int64_t EncoderLayer::block_rows() const {
  constexpr std::int64_t kCacheFloats = 64 * 1024;
  const std::int64_t unit = intermediate_.row_block();
  const std::int64_t fitting = kCacheFloats / (intermediate_.out_features() + output_.out_features());
  return std::max(fitting / unit * unit, intermediate_.least_rows());
}

// Each thread takes some rows from here to the layer's end.
void EncoderLayer::finish_in_blocks(const at::Tensor& hidden_states, const at::Tensor& context,
                                    nn::Workspace& workspace) const {
  const std::int64_t features = hidden_states.size(1);
  const std::int64_t tokens = hidden_states.size(0);
  const std::int64_t rows = std::min(block_rows(), tokens);
  workspace.reserve_block(rows * (intermediate_.out_features() + features));
  workspace.reserve_scratch(static_cast<std::int64_t>(
      std::max({attention_output_.scratch_bytes(), intermediate_.scratch_bytes(), output_.scratch_bytes()}) / 4));
  float* const hidden = hidden_states.mutable_data_ptr<float>();
  const float* const from = context.const_data_ptr<float>();
  nn::parallel_for((tokens + rows - 1) / rows, workspace.threads(), [&](std::int64_t i, int thread) {
    const std::int64_t at = i * rows * features;
    finish_rows(hidden + at, from + at, std::min(rows, tokens - i * rows), workspace.block(thread),
                workspace.scratch(thread));
  });
}

void EncoderLayer::finish_rows(float* hidden_states, const float* context, std::int64_t rows, float* block,
                               float* scratch) const {
  float* const update = block;                                 // (rows, C)
  float* const inner = block + rows * output_.out_features();  // (rows, I)
  attention_output_.forward_rows(context, rows, update, scratch);
  attention_norm_.add_and_norm_rows(hidden_states, update, rows);
  intermediate_.forward_rows(hidden_states, rows, inner, scratch);
  output_.forward_rows(inner, rows, update, scratch);
  output_norm_.add_and_norm_rows(hidden_states, update, rows);
}

// Few rows: all threads share each step, and each reads only its part of the weights.
void EncoderLayer::finish_together(const at::Tensor& hidden_states, const at::Tensor& context,
                                   nn::Workspace& workspace) const {
  const auto tokens = hidden_states.size(0);
  const auto update = workspace.take(Slot::update, tokens, hidden_states.size(1));
  attention_output_.forward(context, update, workspace);  // (T, C)
  attention_norm_.add_and_norm(hidden_states, update, workspace);
  const auto inner = workspace.take(Slot::wide, tokens, intermediate_.out_features());
  intermediate_.forward(hidden_states, inner, workspace);  // (T, I)
  output_.forward(inner, update, workspace);               // (T, C)
  output_norm_.add_and_norm(hidden_states, update, workspace);
}

std::uint64_t EncoderLayer::bytes() const noexcept {
  return query_key_value_.bytes() + attention_output_.bytes() + attention_norm_.bytes() + intermediate_.bytes() +
         output_.bytes() + output_norm_.bytes();
}

}  // namespace modelpool::models
