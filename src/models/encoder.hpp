// SPDX-License-Identifier: Apache-2.0
#pragma once

// Text encoders: token ids to one vector for each token. The architectures differ in the keys of config.json, in their
// embeddings and in the names of their tensors; each has a file of its own that says how (bert.hpp …).
// T: tokens of all sequences of a batch, behind one another; C: hidden_size.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "modelpool/device/device.hpp"
#include "modelpool/weights/dtype.hpp"
#include "models/encoder_config.hpp"
#include "models/encoder_layer.hpp"
#include "models/json_file.hpp"
#include "models/module_loader.hpp"
#include "nn/layer_norm.hpp"
#include "nn/ragged_batch.hpp"
#include "nn/workspace.hpp"
#include "weights/checkpoint.hpp"

namespace modelpool::models {

/// The row of the table of positions for each token. A text may name the padding token, which then keeps its own position
/// and moves nobody else's. @return (T)
[[nodiscard]] std::vector<std::int32_t> positions_of(const nn::RaggedBatch& batch, const EncoderConfig& config);

/// The sum of word and position vectors, and of token type vectors where there are any, normalised.
/// Thread safety: const, any number of threads, each with its own workspace.
class EncoderEmbeddings {
 public:
  /// Takes "embeddings.*". @throws LoadError
  EncoderEmbeddings(const EncoderConfig& config, ModuleLoader& loader);

  /// @return (T, C), valid until the workspace's next forward
  [[nodiscard]] at::Tensor forward(const nn::RaggedBatch& batch, nn::Workspace& workspace) const;
  [[nodiscard]] std::uint64_t bytes() const noexcept;

 private:
  void embed_sequence(const nn::RaggedBatch& batch, std::int64_t sequence, const std::int32_t* positions,
                      float* out) const;

  at::Tensor word_embeddings_;        // (vocab_size, C), as the file has it
  at::Tensor position_embeddings_;    // (max_position_embeddings, C)
  at::Tensor token_type_embeddings_;  // (type_vocab_size, C), or undefined
  nn::LayerNorm layer_norm_;
  EncoderConfig config_;
};

/// What classifies a text by its first token: out(activation(dense(x))).
struct SequenceHeadNames {
  std::string dense;  ///< C -> C
  nn::Activation activation = nn::Activation::tanh;
  std::string out;  ///< C -> labels
};

/// What makes an architecture: all but the arithmetic, which they share.
struct EncoderArchitecture {
  std::vector<std::string> model_types;  ///< of config.json
  /// @throws LoadError, UnsupportedModel
  EncoderConfig (*read_config)(const JsonFile& file);
  /// Prefix of the base model, what its checkpoints may hold beside it (heads, poolers), and old names.
  CheckpointNames names;
  std::string layers;  ///< prefix of the layers' names, to be followed by the layer's number
  EncoderLayerNames layer;
  SequenceHeadNames sequence_head;
  /// Of the attention in all layers, for sequences of up to max_length() tokens; null: there is none.
  nn::RelativeBias (*relative_bias)(const EncoderConfig& config, ModuleLoader& loader) = nullptr;
};

/// The architecture of a config.json.
/// @throws LoadError         the file has no `model_type`
/// @throws UnsupportedModel  there is no such architecture
[[nodiscard]] const EncoderArchitecture& architecture_of(const JsonFile& file);

/// The first of config.json's `architectures`; empty where there is none.
[[nodiscard]] std::string first_architecture(const JsonFile& file);

/// @throws LoadError  there is no such folder
void check_folder(const std::filesystem::path& folder);

/// Token ids to one vector for each token. Thread safety: const, any number of threads, each with its own workspace.
class TextEncoder {
 public:
  virtual ~TextEncoder() = default;

  /// @param batch  ids below vocab_size, each sequence of 1 … config.max_length() tokens
  /// @return       (T, C) float32 on the CPU: the last hidden states, valid until the workspace's next forward
  [[nodiscard]] virtual at::Tensor forward(const nn::RaggedBatch& batch, nn::Workspace& workspace) const = 0;

  [[nodiscard]] virtual std::uint64_t bytes() const noexcept = 0;
};

/// Where and in which precision a model is kept.
struct EncoderPlace {
  Device device = Device::cpu();  ///< resolved
  DType dtype = DType::float32;   ///< resolved
};

/// By our own kernels on a CPU, by LibTorch's operators on another device.
/// @throws LoadError       a tensor is missing or has another shape than the configuration says
/// @throws InvalidOptions  a dtype that the device cannot compute in
[[nodiscard]] std::unique_ptr<const TextEncoder> make_encoder(const EncoderConfig& config,
                                                              const EncoderArchitecture& architecture,
                                                              Checkpoint& checkpoint, EncoderPlace place);

/// The encoder on a CPU, by our own kernels.
class Encoder : public TextEncoder {
 public:
  /// @throws LoadError  a tensor is missing or has another shape than the configuration says
  Encoder(const EncoderConfig& config, const EncoderArchitecture& architecture, Checkpoint& checkpoint,
          nn::Precision precision);

  [[nodiscard]] at::Tensor forward(const nn::RaggedBatch& batch, nn::Workspace& workspace) const override;
  [[nodiscard]] std::uint64_t bytes() const noexcept override;

 private:
  EncoderEmbeddings embeddings_;
  nn::RelativeBias relative_bias_;
  std::vector<EncoderLayer> layers_;
};

}  // namespace modelpool::models
