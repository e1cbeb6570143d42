// SPDX-License-Identifier: Apache-2.0
#include "nn/layer_norm.hpp"

#include <algorithm>

#include "nn/parallel.hpp"

namespace modelpool::nn {

kernels::cpu::LayerNormArgs LayerNorm::args(float* out, std::int64_t rows) const {
  return {.x = nullptr,
          .residual = nullptr,
          .gamma = weight.const_data_ptr<float>(),
          .beta = bias.const_data_ptr<float>(),
          .out = out,
          .rows = rows,
          .features = weight.numel(),
          .eps = static_cast<float>(eps)};
}

void LayerNorm::add_and_norm_rows(float* hidden_states, const float* update, std::int64_t rows) const {
  auto some = args(hidden_states, rows);
  some.x = hidden_states;
  some.residual = update;
  kernels::cpu::best().layer_norm(some);
}

void LayerNorm::add_and_norm(const at::Tensor& hidden_states, const at::Tensor& update,
                             const Workspace& workspace) const {
  constexpr std::int64_t kRows = 64;  // rows of one thread's turn
  const std::int64_t rows = hidden_states.size(0);
  const std::int64_t features = hidden_states.size(1);
  float* const out = hidden_states.mutable_data_ptr<float>();
  const float* const added = update.const_data_ptr<float>();
  parallel_for((rows + kRows - 1) / kRows, workspace.threads(), [&](std::int64_t i, int) {
    const std::int64_t at = i * kRows * features;
    add_and_norm_rows(out + at, added + at, std::min(kRows, rows - i * kRows));
  });
}

}  // namespace modelpool::nn
