// SPDX-License-Identifier: Apache-2.0
#include "models/torch_encoder.hpp"

#include <ATen/ops/_flash_attention_forward.h>
#include <ATen/ops/add.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/sub.h>
#include <ATen/ops/tanh.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <tuple>

namespace modelpool::models {
namespace {

at::Tensor activated(const at::Tensor& x, nn::Activation activation) {
  switch (activation) {
    case nn::Activation::gelu:
      return at::gelu(x);
    case nn::Activation::gelu_new:
      return at::gelu(x, "tanh");
    case nn::Activation::quick_gelu:
      return at::mul(x, at::sigmoid(at::mul(x, 1.702)));
    case nn::Activation::relu:
      return at::relu(x);
    case nn::Activation::silu:
      return at::silu(x);
    case nn::Activation::tanh:
      return at::tanh(x);
    case nn::Activation::none:
      break;
  }
  return x;
}

template <class T>
at::Tensor on_device(const std::vector<T>& values, at::ScalarType type, at::Device device) {
  const auto view = at::from_blob(const_cast<T*>(values.data()), {static_cast<std::int64_t>(values.size())},
                                  at::TensorOptions(c10::CppTypeToScalarType<T>::value));
  return view.to(at::TensorOptions(device).dtype(type), /*non_blocking=*/false, /*copy=*/true);
}

// The stream of a workspace's instance, from the pool that LibTorch keeps for each device.
c10::Stream own_stream(at::Device device, nn::Workspace& workspace) {
  if (!workspace.stream()) {
    workspace.set_stream(c10::impl::VirtualGuardImpl(device.type()).getStreamFromGlobalPool(device));
  }
  return *workspace.stream();
}

}  // namespace

// ---- the weights
// -------------------------------------------------------------------------------------------------------

TorchEncoder::TorchEncoder(const EncoderConfig& config, const EncoderArchitecture& architecture, Checkpoint& checkpoint,
                           TorchPlace place)
    : config_(config), place_(place) {
  ModuleLoader loader(checkpoint);
  const auto C = config.hidden_size;
  word_ = placed(loader.table("embeddings.word_embeddings.weight", {config.vocab_size, C}));
  position_ = placed(loader.table("embeddings.position_embeddings.weight", {config.max_position_embeddings, C}));
  if (config.type_vocab_size > 0) {
    type_ = placed(loader.table("embeddings.token_type_embeddings.weight", {config.type_vocab_size, C}));
  }
  embedding_norm_ = norm(loader, "embeddings.LayerNorm");
  if (architecture.relative_bias) relative_bias_ = placed(architecture.relative_bias(config, loader).values);
  for (std::int64_t i = 0; i < config.num_hidden_layers; ++i) {
    load_layer(loader, fmt::format("{}{}.", architecture.layers, i), architecture.layer);
  }
  if (!place_.device.is_cpu()) {  // streams of instances do not wait for the one that the weights were copied on
    const c10::impl::VirtualGuardImpl impl(place_.device.type());
    impl.synchronizeStream(impl.getStream(place_.device));
  }
}

at::Tensor TorchEncoder::placed(const at::Tensor& tensor) {
  auto moved = tensor.to(at::TensorOptions(place_.device).dtype(place_.type), /*non_blocking=*/false, /*copy=*/true);
  bytes_ += moved.nbytes();
  return moved;
}

TorchEncoder::Linear TorchEncoder::linear(ModuleLoader& loader, const std::string& name, std::int64_t out,
                                          std::int64_t in) {
  return {placed(loader.table(name + ".weight", {out, in})), placed(loader.table(name + ".bias", {out}))};
}

TorchEncoder::Linear TorchEncoder::fused(ModuleLoader& loader, const std::string& prefix,
                                         const EncoderLayerNames& names) {
  const auto C = config_.hidden_size;
  std::vector<at::Tensor> weights, biases;
  for (const auto& name : {names.query, names.key, names.value}) {
    weights.push_back(loader.table(prefix + name + ".weight", {C, C}));
    biases.push_back(loader.table(prefix + name + ".bias", {C}));
  }
  return {placed(at::cat(weights)), placed(at::cat(biases))};
}

TorchEncoder::Norm TorchEncoder::norm(ModuleLoader& loader, const std::string& name) {
  const auto C = config_.hidden_size;
  return {placed(loader.table(name + ".weight", {C})), placed(loader.table(name + ".bias", {C}))};
}

void TorchEncoder::load_layer(ModuleLoader& loader, const std::string& prefix, const EncoderLayerNames& names) {
  const auto C = config_.hidden_size;
  const auto I = config_.intermediate_size;
  Layer layer;
  layer.query_key_value = fused(loader, prefix, names);
  layer.attention_output = linear(loader, prefix + names.attention_output, C, C);
  layer.attention_norm = norm(loader, prefix + names.attention_norm);
  layer.intermediate = linear(loader, prefix + names.intermediate, I, C);
  layer.output = linear(loader, prefix + names.output, C, I);
  layer.output_norm = norm(loader, prefix + names.output_norm);
  layers_.push_back(std::move(layer));
}

// ---- a forward
// ---------------------------------------------------------------------------------------------------------

struct TorchEncoder::DeviceBatch {
  const nn::RaggedBatch& host;
  at::Tensor ids, positions, type_ids;  // (T); type_ids undefined: all 0
  at::Tensor cu_seqlens;                // (B + 1) int32
  std::int64_t longest = 0;
};

TorchEncoder::DeviceBatch TorchEncoder::moved(const nn::RaggedBatch& batch) const {
  DeviceBatch there{.host = batch,
                    .ids = on_device(batch.input_ids, at::kLong, place_.device),
                    .positions = on_device(positions_of(batch, config_), at::kLong, place_.device),
                    .type_ids = {},
                    .cu_seqlens = on_device(batch.cu_seqlens, at::kInt, place_.device)};
  if (!batch.token_type_ids.empty()) there.type_ids = on_device(batch.token_type_ids, at::kLong, place_.device);
  for (std::int64_t b = 0; b < batch.num_sequences(); ++b) there.longest = std::max(there.longest, batch.length(b));
  return there;
}

at::Tensor TorchEncoder::normalized(const at::Tensor& x, const Norm& norm) const {
  return at::layer_norm(x, {config_.hidden_size}, norm.weight, norm.bias, config_.layer_norm_eps);
}

at::Tensor TorchEncoder::embed(const DeviceBatch& batch) const {
  auto sum = at::add(word_.index_select(0, batch.ids), position_.index_select(0, batch.positions));
  if (type_.defined()) sum.add_(batch.type_ids.defined() ? type_.index_select(0, batch.type_ids) : type_.select(0, 0));
  return normalized(sum, embedding_norm_);
}

// (1, nh, length, length): what is added to the scores
at::Tensor TorchEncoder::bias_of(std::int64_t length) const {
  const auto steps = at::arange(length, at::TensorOptions(place_.device).dtype(at::kLong));
  const auto distance = at::sub(steps.unsqueeze(0), steps.unsqueeze(1));  // j - i
  const auto column = at::add(distance, relative_bias_.size(1) / 2);
  return relative_bias_.index_select(1, column.flatten()).view({1, -1, length, length});
}

// Each sequence by itself.
at::Tensor TorchEncoder::attend_each(const at::Tensor& qkv, const DeviceBatch& batch) const {
  const auto nh = config_.num_attention_heads;
  const auto hs = config_.hidden_size / nh;
  std::vector<at::Tensor> contexts;
  for (std::int64_t b = 0; b < batch.host.num_sequences(); ++b) {
    const auto length = batch.host.length(b);
    const auto rows = qkv.narrow(0, batch.host.cu_seqlens[static_cast<std::size_t>(b)], length)
                          .view({length, 3, nh, hs})
                          .permute({1, 2, 0, 3})
                          .unsqueeze(1);  // (3, 1, nh, length, hs)
    std::optional<at::Tensor> bias;
    if (relative_bias_.defined()) bias = bias_of(length);
    const auto context =
        at::scaled_dot_product_attention(rows.select(0, 0), rows.select(0, 1), rows.select(0, 2), bias);
    contexts.push_back(context.squeeze(0).transpose(0, 1).reshape({length, nh * hs}));
  }
  return at::cat(contexts);
}

at::Tensor TorchEncoder::attend(const at::Tensor& qkv, const DeviceBatch& batch) const {
  const auto nh = config_.num_attention_heads;
  const auto hs = config_.hidden_size / nh;
  const bool half = place_.type == at::kHalf || place_.type == at::kBFloat16;
  if (!place_.device.is_cuda() || !half || relative_bias_.defined() || hs % 8 != 0 || hs > 256) {
    return attend_each(qkv, batch);
  }
  const auto heads = qkv.view({-1, 3, nh, hs});
  const auto context = std::get<0>(at::_flash_attention_forward(
      heads.select(1, 0), heads.select(1, 1), heads.select(1, 2), batch.cu_seqlens, batch.cu_seqlens, batch.longest,
      batch.longest, /*dropout_p=*/0.0, /*is_causal=*/false, /*return_debug_mask=*/false));
  return context.reshape({-1, nh * hs});
}

at::Tensor TorchEncoder::forward(const nn::RaggedBatch& batch, nn::Workspace& workspace) const {
  if (batch.num_sequences() == 0) return at::empty({0, config_.hidden_size}, at::kFloat);
  if (place_.device.is_cpu()) return run(batch);
  const c10::StreamGuard on_own_stream(own_stream(place_.device, workspace));
  return run(batch);
}

at::Tensor TorchEncoder::run(const nn::RaggedBatch& batch) const {
  const auto there = moved(batch);
  auto hidden = embed(there);  // (T, C)
  for (const auto& layer : layers_) {
    const auto qkv = at::linear(hidden, layer.query_key_value.weight, layer.query_key_value.bias);  // (T, 3 C)
    const auto context = attend(qkv, there);
    hidden =
        normalized(at::add(hidden, at::linear(context, layer.attention_output.weight, layer.attention_output.bias)),
                   layer.attention_norm);
    const auto inner =
        activated(at::linear(hidden, layer.intermediate.weight, layer.intermediate.bias), config_.hidden_act);
    hidden = normalized(at::add(hidden, at::linear(inner, layer.output.weight, layer.output.bias)), layer.output_norm);
  }
  return hidden.to(at::TensorOptions(at::kCPU).dtype(at::kFloat)).contiguous();  // waits for the stream
}

}  // namespace modelpool::models
