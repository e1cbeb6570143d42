// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include "nn/ragged_batch.hpp"
#include "nn/workspace.hpp"

namespace modelpool::nn {

/// Multi-head self-attention, each sequence among its own tokens: softmax(q k^T / sqrt(hs)) v.
/// T tokens, C features, nh heads, hs = C / nh.
/// @param qkv      (T, 3 C): q, k, v side by side, the heads of each behind one another
/// @param context  (T, C), written
void ragged_self_attention(const at::Tensor& qkv, const at::Tensor& context, const RaggedBatch& batch,
                           std::int64_t num_attention_heads, Workspace& workspace);

}  // namespace modelpool::nn
