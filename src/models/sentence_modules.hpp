// SPDX-License-Identifier: Apache-2.0
#pragma once

// The modules of a sentence-transformers folder that follow its pooling: vector to vector.
// Reference: sentence-transformers 6.2, base/modules/dense.py, base/modules/normalize.py, sentence_transformer/modules.

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "nn/layer_norm.hpp"
#include "nn/linear.hpp"
#include "nn/workspace.hpp"
#include "weights/checkpoint.hpp"

namespace modelpool::models {

/// What follows a Dense module's product.
struct DenseActivation {
  std::string name = "Tanh";  ///< of its class in torch.nn
  float (*apply)(float) = nullptr;
};

/// A module as modules.json and its folder describe it.
struct SentenceModuleConfig {
  enum class Kind { dense, layer_norm, normalize };
  Kind kind = Kind::normalize;
  std::filesystem::path folder = {};  ///< of its weights
  std::string file = {};              ///< path of its config.json; empty for normalize
  std::int64_t in_features = 0;       ///< 0: any
  std::int64_t out_features = 0;      ///< 0: as many as came
  bool has_bias = true;
  bool use_residual = false;  ///< what came is added, or its product with a matrix where the sizes differ
  DenseActivation activation = {};

  /// @throws LoadError, UnsupportedModel  naming file and key
  [[nodiscard]] static SentenceModuleConfig dense(const std::filesystem::path& folder);
  [[nodiscard]] static SentenceModuleConfig layer_norm(const std::filesystem::path& folder);
  [[nodiscard]] static SentenceModuleConfig normalize(const std::filesystem::path& folder);

  [[nodiscard]] bool has_weights() const noexcept { return kind != Kind::normalize; }
  /// Size of the vectors that come out. @param size  of those that come in
  /// @throws LoadError  it takes another one
  [[nodiscard]] std::int64_t size_after(std::int64_t size) const;
  /// For people, for example "Dense 768 -> 512, Tanh".
  [[nodiscard]] std::string describe() const;
};

/// Thread safety: const, any number of threads, each with its own workspace.
class SentenceModule {
 public:
  /// @param checkpoint  null where the module has no weights
  /// @throws LoadError  a tensor is missing, unexpected, or of another shape than config.json says
  SentenceModule(const SentenceModuleConfig& config, Checkpoint* checkpoint);

  /// @param values     replaced by what the module makes of them
  /// @param normalize  false: a Normalize module does nothing
  void apply(std::vector<float>& values, bool normalize, nn::Workspace& workspace) const;

  [[nodiscard]] std::uint64_t bytes() const noexcept {
    return linear_.bytes() + residual_.bytes() + (norm_.weight.defined() ? norm_.bytes() : 0);
  }

 private:
  [[nodiscard]] std::vector<float> dense(const std::vector<float>& values, nn::Workspace& workspace) const;

  SentenceModuleConfig config_;
  nn::Linear linear_;
  nn::Linear residual_;
  nn::LayerNorm norm_;
};

}  // namespace modelpool::models
