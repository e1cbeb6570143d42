// SPDX-License-Identifier: Apache-2.0
#include "nn/linear.hpp"

#include <algorithm>
#include <cstddef>

#include "nn/memory.hpp"
#include "nn/parallel.hpp"

namespace modelpool::nn {
namespace {

using kernels::cpu::LinearArgs;
using kernels::cpu::LinearKernels;

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// Enough rows: each thread takes some of them, with all outputs.
void split_rows(const LinearKernels& kernels, const LinearArgs& all, const Workspace& workspace) {
  const int threads = workspace.threads();
  const std::int64_t share = ceil_div(ceil_div(all.rows, threads), kernels.row_block) * kernels.row_block;
  parallel_for(ceil_div(all.rows, share), threads, [&](std::int64_t i, int thread) {
    LinearArgs mine = all;
    mine.x += i * share * all.x_stride;
    mine.y += i * share * all.y_stride;
    mine.rows = std::min(share, all.rows - i * share);
    mine.scratch = workspace.scratch(thread);
    kernels.linear(mine);
  });
}

// Few rows: each thread takes some outputs, and so reads only its part of the weight.
void split_outputs(const LinearKernels& kernels, const LinearArgs& all, const Workspace& workspace) {
  const int threads = workspace.threads();
  const std::int64_t panels = ceil_div(ceil_div(all.shape.out_features, threads), kernels.panel_width);
  const std::int64_t share = panels * kernels.panel_width;
  const std::size_t bytes = static_cast<std::size_t>(panels) * kernels.panel_bytes(all.shape.in_features);
  parallel_for(ceil_div(all.shape.out_features, share), threads, [&](std::int64_t i, int thread) {
    LinearArgs mine = all;
    mine.packed = static_cast<const std::byte*>(all.packed) + static_cast<std::size_t>(i) * bytes;
    mine.bias = all.bias ? all.bias + i * share : nullptr;
    mine.y += i * share;
    mine.shape.out_features = std::min(share, all.shape.out_features - i * share);
    mine.scratch = workspace.scratch(thread);
    kernels.linear(mine);
  });
}

}  // namespace

Linear::Linear(const at::Tensor& weight, const at::Tensor& bias, Activation activation, Precision precision)
    : kernels_(&kernels::cpu::best().linear(precision)),
      shape_{weight.size(0), weight.size(1)},
      activation_(activation),
      precision_(precision),
      bias_(bias) {
  packed_ = allocate_floats(static_cast<std::int64_t>((kernels_->packed_bytes(shape_) + 3) / 4));
  kernels_->pack_weight(weight.const_data_ptr<float>(), shape_, packed_.mutable_data_ptr<float>());
}

LinearArgs Linear::args(const float* x, std::int64_t rows, float* y) const {
  return {.x = x,
          .packed = packed_.const_data_ptr<float>(),
          .bias = bias_.defined() ? bias_.const_data_ptr<float>() : nullptr,
          .y = y,
          .rows = rows,
          .x_stride = shape_.in_features,
          .y_stride = shape_.out_features,
          .shape = shape_,
          .activation = activation_,
          .scratch = nullptr};
}

void Linear::forward(const at::Tensor& x, const at::Tensor& y, Workspace& workspace) const {
  LinearArgs all = args(x.const_data_ptr<float>(), x.size(0), y.mutable_data_ptr<float>());
  all.x_stride = x.stride(0);
  all.y_stride = y.stride(0);
  const int threads = workspace.threads();
  workspace.reserve_scratch(static_cast<std::int64_t>((scratch_bytes() + 3) / 4));
  if (all.rows >= 4 * threads * kernels_->row_block) return split_rows(*kernels_, all, workspace);
  split_outputs(*kernels_, all, workspace);
}

void Linear::forward_rows(const float* x, std::int64_t rows, float* y, void* scratch) const {
  LinearArgs some = args(x, rows, y);
  some.scratch = scratch;
  kernels_->linear(some);
}

std::size_t Linear::scratch_bytes() const { return kernels_->scratch_bytes(shape_.in_features); }

std::uint64_t Linear::bytes() const noexcept {
  return (packed_.defined() ? packed_.nbytes() : 0) + (bias_.defined() ? bias_.nbytes() : 0);
}

}  // namespace modelpool::nn
