// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace modelpool {

/// Where the time of a request went. `queued` and `run` are summed over the instances that worked for it.
struct Timings {
  std::chrono::nanoseconds queued{0};    ///< waiting for an instance
  std::chrono::nanoseconds tokenize{0};  ///< text to ids, wall time
  std::chrono::nanoseconds run{0};       ///< in the model
};

/// What a model is and how it is run.
struct ModelInfo {
  std::string task = "embedding";  ///< or "token-classification", "text-classification"
  std::string architecture;        ///< first of config.json's `architectures`, for example "BertModel"
  std::string model_type;          ///< config.json's `model_type`, for example "bert"
  std::uint64_t parameters = 0;
  std::uint64_t weight_bytes = 0;  ///< in memory, once for all instances
  std::string dtype;
  std::string device;
  std::size_t pool_size = 0;
  std::string pool_size_reason;
  int threads = 0;             ///< intra-op threads of an instance
  std::size_t max_length = 0;  ///< tokens, special ones included
  // Of an embedding model:
  std::size_t dimension = 0;  ///< of an embedding
  std::string pooling = {};   ///< for example "mean", "cls+mean"
  bool normalize = false;
  std::vector<std::string> modules = {};  ///< after the pooling, for example "Dense 768 -> 512, Tanh"
  bool pooling_is_default = false;        ///< the folder has no modules.json: mean pooling, no normalisation
  // Of a classifier:
  std::vector<std::string> labels = {};
  std::vector<std::string> ignored_tensors = {};  ///< in the weights, but of no use to this task

  /// One object, these names as keys; without those of other tasks.
  [[nodiscard]] std::string to_json() const;
};

/// The task that a model folder is made for, as ModelInfo::task. A sentence-transformers folder is for embeddings, whatever
/// its class says.
/// @throws LoadError  config.json cannot be read
[[nodiscard]] std::string task_of(const std::filesystem::path& folder);

}  // namespace modelpool
