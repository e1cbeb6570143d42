// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/encoder.hpp"
#include "nn/linear.hpp"
#include "nn/ragged_batch.hpp"
#include "nn/workspace.hpp"

namespace modelpool::models {

/// All that a folder's configuration says of a classifier; its weights are not touched.
/// Reference: transformers v5.24.0, pipelines/text_classification.py and token_classification.py.
struct ClassificationConfig {
  enum class Task { token, sequence };
  enum class Scores { raw, sigmoid, softmax };  ///< what is made of a text's logits; a token's are always a softmax

  std::filesystem::path folder;
  std::string config_file;                            ///< path of config.json
  std::string model_class;                            ///< the first of config.json's `architectures`
  const EncoderArchitecture* architecture = nullptr;  ///< never null after from_folder()
  EncoderConfig encoder;
  Task task = Task::sequence;
  Scores scores = Scores::softmax;
  std::vector<std::string> labels;
  std::string unknown_token;  ///< what the tokenizer writes for what it does not know

  /// @throws LoadError, UnsupportedModel
  [[nodiscard]] static ClassificationConfig from_folder(const std::filesystem::path& folder);
  /// @throws LoadError, UnsupportedModel  the weights cannot be opened
  [[nodiscard]] Checkpoint open_checkpoint() const;
  /// Equal for configurations that make the same model of the same files.
  [[nodiscard]] std::string weight_key() const;
};

/// An encoder with the head of a classifier. Thread safety: const, any number of threads, each with its own workspace.
class ClassificationModel {
 public:
  /// Reads the weights. @param checkpoint  of the folder that the configuration is of
  /// @throws LoadError  a tensor is missing, unexpected, or of another shape than config.json says
  ClassificationModel(const ClassificationConfig& config, Checkpoint checkpoint, EncoderPlace place);

  /// @param batch  see Encoder::forward
  /// @return       logits, a row of as many numbers as there are labels for each token of the batch, or for each of its
  ///               texts; valid until the workspace's next forward
  [[nodiscard]] at::Tensor forward(const nn::RaggedBatch& batch, nn::Workspace& workspace) const;

  [[nodiscard]] std::uint64_t bytes() const noexcept;
  [[nodiscard]] std::uint64_t parameters() const noexcept { return parameters_; }
  [[nodiscard]] const std::vector<std::string>& ignored_tensors() const noexcept { return ignored_tensors_; }

 private:
  [[nodiscard]] at::Tensor first_tokens(const at::Tensor& hidden_states, const nn::RaggedBatch& batch,
                                        nn::Workspace& workspace) const;

  std::unique_ptr<const TextEncoder> encoder_;
  ClassificationConfig::Task task_;
  nn::Linear dense_;       // C -> C, of a text only
  nn::Linear classifier_;  // C -> labels
  std::uint64_t parameters_;
  std::vector<std::string> ignored_tensors_;
};

}  // namespace modelpool::models
