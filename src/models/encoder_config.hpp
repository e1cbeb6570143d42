// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "models/json_file.hpp"
#include "nn/linear.hpp"

namespace modelpool::models {

/// What an encoder's config.json says, whatever keys its architecture has for it. Names are BERT's keys.
struct EncoderConfig {
  std::string model_type;  // of config.json
  std::int64_t vocab_size = 30522;
  std::int64_t hidden_size = 768;         // H in BERT's paper
  std::int64_t num_hidden_layers = 12;    // L
  std::int64_t num_attention_heads = 12;  // A
  std::int64_t intermediate_size = 3072;
  std::int64_t max_position_embeddings = 512;  // rows of the table of positions
  std::int64_t type_vocab_size = 2;            // 0: there are no token types
  double layer_norm_eps = 1e-12;
  nn::Activation hidden_act = nn::Activation::gelu;
  std::optional<std::int64_t> padding_idx = {};  // RoBERTa's kind: its tokens have position padding_idx, others count
                                                 // from padding_idx + 1 on; nullopt: all count from 0
  std::int64_t relative_attention_num_buckets = 0;  // rows of MPNet's table; 0: there is none

  [[nodiscard]] std::int64_t first_position() const noexcept { return padding_idx ? *padding_idx + 1 : 0; }
  /// Most tokens of a sequence.
  [[nodiscard]] std::int64_t max_length() const noexcept { return max_position_embeddings - first_position(); }
  /// Equal for configurations that make the same model of the same files.
  [[nodiscard]] std::string key() const;
};

/// Where an architecture's config.json has its sizes.
struct EncoderKeys {
  const char* hidden_size = "hidden_size";
  const char* num_hidden_layers = "num_hidden_layers";
  const char* num_attention_heads = "num_attention_heads";
  const char* intermediate_size = "intermediate_size";
  const char* hidden_act = "hidden_act";
};

/// @param config  with the architecture's defaults
/// @return        with what the file says in their place
/// @throws LoadError         a value that cannot be, naming file and key
/// @throws UnsupportedModel  an activation that is not there
[[nodiscard]] EncoderConfig read_sizes(const JsonFile& file, EncoderConfig config, const EncoderKeys& keys = {});

/// @throws LoadError  a value that cannot be
[[nodiscard]] double read_layer_norm_eps(const JsonFile& file, double otherwise);

/// @throws LoadError  a value that cannot be
[[nodiscard]] std::int64_t read_type_vocab_size(const JsonFile& file, std::int64_t otherwise);

/// @param config  with its sizes  @throws LoadError  a value that leaves no position for a token
[[nodiscard]] std::int64_t read_padding_idx(const JsonFile& file, const EncoderConfig& config, std::int64_t otherwise);

/// @throws UnsupportedModel  a key that would change results: the file describes a decoder, positions that are not a table,
///                           heads that were cut out, or quantised weights
void require_encoder(const JsonFile& file);

}  // namespace modelpool::models
