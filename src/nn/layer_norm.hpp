// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "kernels/cpu/kernels.hpp"
#include "nn/workspace.hpp"

namespace modelpool::nn {

/// (x - mean) / sqrt(variance + eps) * weight + bias, over the last dimension.
/// Thread safety: const, any number of threads.
struct LayerNorm {
  at::Tensor weight;  ///< (C)
  at::Tensor bias;    ///< (C)
  double eps = 1e-12;

  /// hidden_states = norm(hidden_states + update), in place. @param hidden_states, update  (T, C)
  void add_and_norm(const at::Tensor& hidden_states, const at::Tensor& update, const Workspace& workspace) const;
  /// The same of `rows` rows, on the calling thread alone.
  void add_and_norm_rows(float* hidden_states, const float* update, std::int64_t rows) const;
  /// The kernel's arguments for `rows` rows from `out` on, without inputs.
  [[nodiscard]] kernels::cpu::LayerNormArgs args(float* out, std::int64_t rows) const;
  [[nodiscard]] std::uint64_t bytes() const noexcept { return weight.nbytes() + bias.nbytes(); }
};

}  // namespace modelpool::nn
