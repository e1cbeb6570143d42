// SPDX-License-Identifier: Apache-2.0
#include "models/encoder_layer.hpp"

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
  const auto hidden_size = hidden_states.size(1);

  const auto qkv = workspace.take(Slot::wide, tokens, 3 * hidden_size);
  query_key_value_.forward(hidden_states, qkv, workspace);  // (T, 3 C)
  const auto context = workspace.take(Slot::context, tokens, hidden_size);
  const nn::AttentionHeads heads{num_attention_heads_, relative_bias_.values.defined() ? &relative_bias_ : nullptr};
  nn::ragged_self_attention(qkv, context, batch, heads, workspace);  // (T, C)
  const auto update = workspace.take(Slot::update, tokens, hidden_size);
  attention_output_.forward(context, update, workspace);  // (T, C)
  attention_norm_.add_and_norm(hidden_states, update, workspace);

  const auto inner = workspace.take(Slot::wide, tokens, intermediate_.out_features());  // qkv has served
  intermediate_.forward(hidden_states, inner, workspace);                               // (T, I)
  output_.forward(inner, update, workspace);                                            // (T, C)
  output_norm_.add_and_norm(hidden_states, update, workspace);
}

std::uint64_t EncoderLayer::bytes() const noexcept {
  return query_key_value_.bytes() + attention_output_.bytes() + attention_norm_.bytes() + intermediate_.bytes() +
         output_.bytes() + output_norm_.bytes();
}

}  // namespace modelpool::models
