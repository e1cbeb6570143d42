// SPDX-License-Identifier: Apache-2.0
#pragma once

// The same encoders by LibTorch's operators, on a device that our own kernels do not serve.
// T: tokens of all sequences of a batch, behind one another; C: hidden_size; I: intermediate_size; nh heads of hs.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "models/encoder.hpp"
#include "nn/ragged_batch.hpp"
#include "nn/workspace.hpp"
#include "weights/checkpoint.hpp"

namespace modelpool::models {

/// Where a TorchEncoder's weights lie and what it computes in.
struct TorchPlace {
  at::Device device;
  at::ScalarType type;  ///< of weights and hidden states; norms are computed in float32
};

/// An encoder of operators. On CUDA each workspace has a stream of its own, which forward() runs on and waits for; in
/// float16 and bfloat16 attention is one call for all sequences of a batch, without padding (Dao 2023, arXiv:2307.08691),
/// unless the architecture adds a bias to its scores.
/// Thread safety: const, any number of threads, each with its own workspace.
class TorchEncoder : public TextEncoder {
 public:
  /// Moves the weights to the device one by one.
  /// @throws LoadError  a tensor is missing or has another shape than the configuration says
  TorchEncoder(const EncoderConfig& config, const EncoderArchitecture& architecture, Checkpoint& checkpoint,
               TorchPlace place);

  /// @return (T, C) float32, on the CPU
  [[nodiscard]] at::Tensor forward(const nn::RaggedBatch& batch, nn::Workspace& workspace) const override;
  [[nodiscard]] std::uint64_t bytes() const noexcept override { return bytes_; }

 private:
  struct Linear {
    at::Tensor weight, bias;  // (out, in), (out)
  };
  struct Norm {
    at::Tensor weight, bias;  // (C)
  };
  struct Layer {
    Linear query_key_value, attention_output, intermediate, output;
    Norm attention_norm, output_norm;
  };
  struct DeviceBatch;

  [[nodiscard]] at::Tensor placed(const at::Tensor& tensor);
  [[nodiscard]] Linear linear(ModuleLoader& loader, const std::string& name, std::int64_t out, std::int64_t in);
  [[nodiscard]] Linear fused(ModuleLoader& loader, const std::string& prefix, const EncoderLayerNames& names);
  [[nodiscard]] Norm norm(ModuleLoader& loader, const std::string& name);
  void load_layer(ModuleLoader& loader, const std::string& prefix, const EncoderLayerNames& names);

  [[nodiscard]] at::Tensor run(const nn::RaggedBatch& batch) const;
  [[nodiscard]] DeviceBatch moved(const nn::RaggedBatch& batch) const;
  [[nodiscard]] at::Tensor embed(const DeviceBatch& batch) const;
  [[nodiscard]] at::Tensor normalized(const at::Tensor& x, const Norm& norm) const;
  [[nodiscard]] at::Tensor attend(const at::Tensor& qkv, const DeviceBatch& batch) const;
  [[nodiscard]] at::Tensor attend_each(const at::Tensor& qkv, const DeviceBatch& batch) const;
  [[nodiscard]] at::Tensor bias_of(std::int64_t length) const;

  EncoderConfig config_;
  TorchPlace place_;
  at::Tensor word_, position_,
      type_;  // (vocab_size, C), (max_position_embeddings, C), (type_vocab_size, C) or undefined
  Norm embedding_norm_;
  at::Tensor relative_bias_;  // (nh, 2 n - 1), see nn::RelativeBias, or undefined
  std::vector<Layer> layers_;
  std::uint64_t bytes_ = 0;
};

}  // namespace modelpool::models
