// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>

#include "kernels/cpu/kernels.hpp"
#include "nn/precision.hpp"
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
  Linear(const at::Tensor& weight, const at::Tensor& bias, Activation activation = Activation::none,
         Precision precision = Precision::float32);

  /// @param x  (T, in_features)  @param y  (T, out_features), not overlapping x
  void forward(const at::Tensor& x, const at::Tensor& y, Workspace& workspace) const;
  /// Some rows, on the calling thread alone.
  /// @param x, y     (rows, in_features) and (rows, out_features), contiguous, not overlapping
  /// @param scratch  scratch_bytes() bytes, 64-byte aligned
  void forward_rows(const float* x, std::int64_t rows, float* y, void* scratch) const;
  /// What a thread needs beside its inputs and outputs.
  [[nodiscard]] std::size_t scratch_bytes() const;

  /// Granularity for splitting rows, and the fewest for which walking through the weights is worth the way.
  [[nodiscard]] std::int64_t row_block() const noexcept { return kernels_->row_block; }
  [[nodiscard]] std::int64_t least_rows() const noexcept { return kernels_->least_rows; }

  [[nodiscard]] Precision precision() const noexcept { return precision_; }
  [[nodiscard]] std::int64_t out_features() const noexcept { return shape_.out_features; }
  [[nodiscard]] std::uint64_t bytes() const noexcept;

 private:
  [[nodiscard]] kernels::cpu::LinearArgs args(const float* x, std::int64_t rows, float* y) const;

  const kernels::cpu::LinearKernels* kernels_ = nullptr;
  kernels::cpu::PackedShape shape_{};
  Activation activation_ = Activation::none;
  Precision precision_ = Precision::float32;
  at::Tensor packed_;  // LinearKernels::pack_weight
  at::Tensor bias_;    // (out_features)
};

}  // namespace modelpool::nn
