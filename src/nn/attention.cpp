// SPDX-License-Identifier: Apache-2.0
#include "nn/attention.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/cpu/kernels.hpp"
#include "nn/parallel.hpp"

namespace modelpool::nn {
namespace {

std::int64_t longest(const RaggedBatch& batch) {
  std::int64_t length = 0;
  for (std::int64_t b = 0; b < batch.num_sequences(); ++b) length = std::max(length, batch.length(b));
  return length;
}

}  // namespace

void ragged_self_attention(const at::Tensor& qkv, const at::Tensor& context, const RaggedBatch& batch,
                           AttentionHeads heads, Workspace& workspace) {
  const auto& kernels = kernels::cpu::best().attention(heads.precision);
  const std::int64_t hidden_size = context.size(1);
  const std::int64_t head_size = hidden_size / heads.count;
  workspace.reserve_scratch(kernels.scratch(longest(batch), head_size));

  const float* from = qkv.const_data_ptr<float>();
  float* to = context.mutable_data_ptr<float>();
  parallel_for(batch.num_sequences() * heads.count, workspace.threads(), [&](std::int64_t item, int thread) {
    const std::int64_t sequence = item / heads.count;
    const std::int64_t head = item % heads.count;
    const std::int64_t feature = head * head_size;
    const std::int64_t token = batch.cu_seqlens[static_cast<std::size_t>(sequence)];
    const float* q = from + token * 3 * hidden_size + feature;
    kernels.attention({.q = q,
                       .k = q + hidden_size,
                       .v = q + 2 * hidden_size,
                       .out = to + token * hidden_size + feature,
                       .length = batch.length(sequence),
                       .head_size = head_size,
                       .stride = 3 * hidden_size,
                       .out_stride = hidden_size,
                       .scale = 1.0f / std::sqrt(static_cast<float>(head_size)),
                       .scratch = workspace.scratch(thread),
                       .relative_bias = heads.bias ? heads.bias->of_head(head) : nullptr});
  });
}

}  // namespace modelpool::nn
