// SPDX-License-Identifier: Apache-2.0
#pragma once

// Text encoders: token ids to one vector for each token. The architectures differ in the keys of config.json, in their
// embeddings and in the names of their tensors; each has a file of its own that says how (bert.hpp …).
// T: tokens of all sequences of a batch, behind one another; C: hidden_size.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "models/encoder_config.hpp"
#include "models/encoder_layer.hpp"
#include "models/json_file.hpp"
#include "models/module_loader.hpp"
#include "nn/layer_norm.hpp"
#include "nn/ragged_batch.hpp"
#include "nn/workspace.hpp"
#include "weights/checkpoint.hpp"

namespace modelpool::models {

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
  [[nodiscard]] std::vector<std::int32_t> positions_around_padding(const nn::RaggedBatch& batch) const;
  void embed_sequence(const nn::RaggedBatch& batch, std::int64_t sequence, const std::int32_t* positions,
                      float* out) const;

  at::Tensor word_embeddings_;        // (vocab_size, C)
  at::Tensor position_embeddings_;    // (max_position_embeddings, C)
  at::Tensor token_type_embeddings_;  // (type_vocab_size, C), or undefined
  nn::LayerNorm layer_norm_;
  std::optional<std::int64_t> padding_idx_;
  std::int64_t first_position_;
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

/// Thread safety: const, any number of threads, each with its own workspace.
class Encoder {
 public:
  /// @throws LoadError  a tensor is missing or has another shape than the configuration says
  Encoder(const EncoderConfig& config, const EncoderArchitecture& architecture, Checkpoint& checkpoint,
          nn::Precision precision);

  /// @param batch  ids below vocab_size, each sequence of 1 … config.max_length() tokens
  /// @return       (T, C): the last hidden states, valid until the workspace's next forward
  [[nodiscard]] at::Tensor forward(const nn::RaggedBatch& batch, nn::Workspace& workspace) const;

  [[nodiscard]] std::uint64_t bytes() const noexcept;

 private:
  EncoderEmbeddings embeddings_;
  nn::RelativeBias relative_bias_;
  std::vector<EncoderLayer> layers_;
};

}  // namespace modelpool::models
