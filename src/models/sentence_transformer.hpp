// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "models/pooling.hpp"
#include "models/sentence_modules.hpp"

namespace modelpool::models {

/// What a sentence-transformers folder says beside its transformer. Reference: sentence-transformers 6.2.
struct SentenceTransformerConfig {
  std::filesystem::path transformer;  ///< folder of config.json, weights and tokenizer
  std::vector<PoolingMode> pooling{PoolingMode::mean};
  bool include_prompt = true;  ///< false: a prompt's tokens are seen by the transformer, but not pooled
  std::vector<SentenceModuleConfig> after_pooling = {};  ///< in their order
  bool has_modules = false;  ///< false: there is no modules.json, and the above are defaults
  std::optional<std::size_t> max_seq_length;
  std::string max_seq_length_file;  ///< where max_seq_length was found
  std::map<std::string, std::string> prompts;
  std::optional<std::string> default_prompt_name;
  std::optional<std::int64_t> embedding_dimension;  ///< of a token, as the pooling's file says
  std::string pooling_file;                         ///< where embedding_dimension was found

  /// Whether the vectors are of unit length at some point of the way.
  [[nodiscard]] bool normalizes() const noexcept;

  /// @throws LoadError         a file is missing or wrong, naming file and key
  /// @throws UnsupportedModel  a module or a pooling that is not there
  [[nodiscard]] static SentenceTransformerConfig from_folder(const std::filesystem::path& folder);
};

}  // namespace modelpool::models
