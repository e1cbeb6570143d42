// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "models/encoder.hpp"
#include "models/pooling.hpp"
#include "models/sentence_transformer.hpp"
#include "nn/ragged_batch.hpp"
#include "nn/workspace.hpp"

namespace modelpool::models {

/// The opened weights of an embedding folder.
struct EmbeddingCheckpoint {
  Checkpoint transformer;
  std::vector<Checkpoint> modules;  ///< of those after the pooling that have weights, in their order

  /// Of all files, for the key of WeightStore.
  [[nodiscard]] std::vector<FileIdentity> identity() const;
};

/// All that a folder's configuration says of an embedding model; its weights are not touched.
struct EmbeddingConfig {
  std::filesystem::path folder;
  std::string config_file;  ///< path of config.json
  std::string model_class;  ///< the first of config.json's `architectures`, or the model_type where there is none
  const EncoderArchitecture* architecture = nullptr;  ///< never null after from_folder()
  EncoderConfig encoder;
  SentenceTransformerConfig sentence_transformer;

  /// @throws LoadError, UnsupportedModel
  [[nodiscard]] static EmbeddingConfig from_folder(const std::filesystem::path& folder);
  /// @throws LoadError, UnsupportedModel  the weights cannot be opened
  [[nodiscard]] EmbeddingCheckpoint open_checkpoint() const;
  /// Equal for configurations that make the same model of the same files.
  [[nodiscard]] std::string weight_key() const;
  /// Of an embedding. @param pooled  numbers after the pooling
  /// @throws LoadError  the modules after the pooling take another number
  [[nodiscard]] std::size_t dimension_after(std::size_t pooled) const;
  /// Of an embedding that is not cut.
  [[nodiscard]] std::size_t dimension() const;
};

/// What becomes of the token vectors in one request.
struct PoolingPlan {
  std::vector<PoolingMode> modes;  ///< joined in this order, before the folder's modules and the cut to a length
  std::int64_t first_token = 0;    ///< tokens before it are not pooled
  bool normalize_modules = true;   ///< false: the folder's Normalize modules do nothing
  bool normalize_after = false;    ///< after the cut
};

/// An encoder with its pooling and what follows that: text ids to one vector. Thread safety: const, any number of threads, each with its own
/// workspace.
class EmbeddingModel {
 public:
  /// Reads the weights. @param checkpoint  of the folder that the configuration is of
  /// @throws LoadError  a tensor is missing, unexpected, or of another shape than config.json says
  EmbeddingModel(const EmbeddingConfig& config, EmbeddingCheckpoint checkpoint, EncoderPlace place);

  /// @param batch  see Encoder::forward
  /// @param plans  (B) one for each sequence: their requests may differ
  /// @param out    (B) vectors of the plans' dimensions
  void forward(const nn::RaggedBatch& batch, std::span<const PoolingPlan* const> plans, nn::Workspace& workspace,
               std::span<const std::span<float>> out) const;

  [[nodiscard]] std::uint64_t bytes() const noexcept;
  [[nodiscard]] std::uint64_t parameters() const noexcept { return parameters_; }
  [[nodiscard]] const std::vector<std::string>& ignored_tensors() const noexcept { return ignored_tensors_; }

 private:
  void load_modules(const EmbeddingConfig& config, std::vector<Checkpoint>& checkpoints);

  std::unique_ptr<const TextEncoder> encoder_;
  std::vector<SentenceModule> after_pooling_;
  std::uint64_t parameters_;
  std::vector<std::string> ignored_tensors_;
};

}  // namespace modelpool::models
