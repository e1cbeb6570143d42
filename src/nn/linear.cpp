// SPDX-License-Identifier: Apache-2.0
#include "nn/linear.hpp"

#include <algorithm>

#include "nn/memory.hpp"
#include "nn/parallel.hpp"

namespace modelpool::nn {
namespace {

using kernels::cpu::LinearArgs;

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// Enough rows: each thread takes some of them, with all outputs.
void split_rows(const LinearArgs& all, int threads) {
  const auto& kernels = kernels::cpu::best();
  const std::int64_t share = ceil_div(ceil_div(all.rows, threads), kernels.row_block) * kernels.row_block;
  parallel_for(ceil_div(all.rows, share), threads, [&](std::int64_t i, int) {
    LinearArgs mine = all;
    mine.x += i * share * all.x_stride;
    mine.y += i * share * all.y_stride;
    mine.rows = std::min(share, all.rows - i * share);
    kernels.linear(mine);
  });
}

// Few rows: each thread takes some outputs, and so reads only its part of the weight.
void split_outputs(const LinearArgs& all, int threads) {
  const auto& kernels = kernels::cpu::best();
  const std::int64_t share =
      ceil_div(ceil_div(all.shape.out_features, threads), kernels.panel_width) * kernels.panel_width;
  parallel_for(ceil_div(all.shape.out_features, share), threads, [&](std::int64_t i, int) {
    LinearArgs mine = all;
    mine.packed += i * share * all.shape.in_features;
    mine.bias = all.bias ? all.bias + i * share : nullptr;
    mine.y += i * share;
    mine.shape.out_features = std::min(share, all.shape.out_features - i * share);
    kernels.linear(mine);
  });
}

}  // namespace

Linear::Linear(const at::Tensor& weight, const at::Tensor& bias, Activation activation)
    : shape_{weight.size(0), weight.size(1)}, activation_(activation), bias_(bias) {
  const auto& kernels = kernels::cpu::best();
  packed_ = allocate_floats(kernels.packed_size(shape_));
  kernels.pack_weight(weight.const_data_ptr<float>(), shape_, packed_.mutable_data_ptr<float>());
}

void Linear::forward(const at::Tensor& x, const at::Tensor& y, const Workspace& workspace) const {
  const LinearArgs args{.x = x.const_data_ptr<float>(),
                        .packed = packed_.const_data_ptr<float>(),
                        .bias = bias_.defined() ? bias_.const_data_ptr<float>() : nullptr,
                        .y = y.mutable_data_ptr<float>(),
                        .rows = x.size(0),
                        .x_stride = x.stride(0),
                        .y_stride = y.stride(0),
                        .shape = shape_,
                        .activation = activation_};
  const int threads = workspace.threads();
  if (threads == 1) return kernels::cpu::best().linear(args);
  args.rows >= 4 * threads* kernels::cpu::best().row_block ? split_rows(args, threads) : split_outputs(args, threads);
}

std::uint64_t Linear::bytes() const noexcept { return packed_.nbytes() + (bias_.defined() ? bias_.nbytes() : 0); }

}  // namespace modelpool::nn
