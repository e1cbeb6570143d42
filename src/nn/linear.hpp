// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "kernels/cpu/kernels.hpp"
#include "nn/workspace.hpp"

namespace modelpool::nn {

using Activation = kernels::cpu::Activation;

/// y = activation(x W^T + b). The weight is rearranged once, when the layer is made.
/// Thread safety: const, any number of threads, each with its own workspace.
class Linear {
 public:
  Linear() = default;
  /// @param weight  (out_features, in_features) float32, contiguous; not kept
  /// @param bias    (out_features) float32, or undefined
  Linear(const at::Tensor& weight, const at::Tensor& bias, Activation activation = Activation::none);

  /// @param x  (T, in_features)  @param y  (T, out_features), not overlapping x
  void forward(const at::Tensor& x, const at::Tensor& y, const Workspace& workspace) const;

  [[nodiscard]] std::int64_t out_features() const noexcept { return shape_.out_features; }
  [[nodiscard]] std::uint64_t bytes() const noexcept;

 private:
  kernels::cpu::PackedShape shape_{};
  Activation activation_ = Activation::none;
  at::Tensor packed_;  // kernels::cpu::Kernels::pack_weight
  at::Tensor bias_;    // (out_features)
};

}  // namespace modelpool::nn
