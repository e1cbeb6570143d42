// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "nn/precision.hpp"
#include "nn/ragged_batch.hpp"
#include "nn/workspace.hpp"

namespace modelpool::nn {

/// Numbers that are added to the scores of self-attention, by head and by how far the key stands behind the query.
struct RelativeBias {
  at::Tensor
      values;  ///< (nh, 2 n - 1) float32: column n - 1 + j - i for query i and key j of a sequence of up to n tokens

  /// The head's number for j = i, its others around it.
  [[nodiscard]] const float* of_head(std::int64_t head) const {
    return values.const_data_ptr<float>() + head * values.size(1) + values.size(1) / 2;
  }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return values.nbytes(); }
};

/// How a self-attention is divided.
struct AttentionHeads {
  std::int64_t count;
  const RelativeBias* bias = nullptr;  ///< null: none; else for sequences at least as long as the longest of the batch
  Precision precision = Precision::float32;
};

/// Multi-head self-attention, each sequence among its own tokens: softmax(q k^T / sqrt(hs) + bias) v.
/// T tokens, C features, nh heads, hs = C / nh.
/// @param qkv      (T, 3 C): q, k, v side by side, the heads of each behind one another
/// @param context  (T, C), written
void ragged_self_attention(const at::Tensor& qkv, const at::Tensor& context, const RaggedBatch& batch,
                           AttentionHeads heads, Workspace& workspace);

}  // namespace modelpool::nn
