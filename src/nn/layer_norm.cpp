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

void LayerNorm::add_and_norm(const at::Tensor& hidden_states, const at::Tensor& update,
                             const Workspace& workspace) const {
  constexpr std::int64_t kRows = 64;  // rows of one thread's turn
  const auto all = args(hidden_states.mutable_data_ptr<float>(), hidden_states.size(0));
  const float* added = update.const_data_ptr<float>();
  parallel_for((all.rows + kRows - 1) / kRows, workspace.threads(), [&](std::int64_t i, int) {
    auto mine = all;
    mine.out += i * kRows * all.features;
    mine.x = mine.out;
    mine.residual = added + i * kRows * all.features;
    mine.rows = std::min(kRows, all.rows - i * kRows);
    kernels::cpu::best().layer_norm(mine);
  });
}

}  // namespace modelpool::nn
