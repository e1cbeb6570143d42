// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizers/added_vocabulary.hpp"

namespace modelpool::tokenizers {

class JsonNode;

/// What tokenizer_config.json says, with the older files special_tokens_map.json and added_tokens.json, which count only
/// where the first has no `added_tokens_decoder`. Field names are the keys.
/// Source: transformers 5.23, tokenization_utils_base.py, _from_pretrained.
struct TokenizerConfig {
  std::string tokenizer_class;  ///< without "Fast"; that of config.json's model_type where not said; or empty
  std::optional<bool> do_lower_case;
  std::optional<bool> strip_accents;
  std::optional<bool> tokenize_chinese_chars;
  std::optional<bool> add_prefix_space;
  std::optional<std::size_t> extra_ids;
  std::string src_lang;  ///< empty where not said
  std::optional<std::size_t> model_max_length;
  std::optional<bool> trim_offsets;
  std::optional<bool> add_bos_token;
  std::optional<bool> add_eos_token;
  std::optional<bool> predict_timestamps;
  std::string language;
  std::string task;
  bool clean_up_tokenization_spaces = false;
  std::optional<bool> truncate_left;  ///< truncation_side

  /// A named special token, with the flags of the file.
  struct Named {
    std::string name;  ///< "cls_token" …
    AddedToken token;
  };
  std::vector<Named> special_tokens;
  TokensById added_tokens;  ///< `added_tokens_decoder`, or added_tokens.json
  bool has_added_tokens_decoder = false;
  std::vector<AddedToken> extra_special_tokens;  ///< or `additional_special_tokens`

  /// The content of a named special token.
  [[nodiscard]] std::string special_token(std::string_view name, std::string_view otherwise) const;
  /// Puts the named tokens into the order in which transformers adds them.
  void sort_special_tokens();
  /// True for the classes of transformers that are BertTokenizer or derive from it.
  [[nodiscard]] bool is_bert() const;
  [[nodiscard]] bool is_mpnet() const { return tokenizer_class == "MPNetTokenizer"; }

  /// A folder without these files has the defaults.
  /// @throws LoadError  naming file and key
  [[nodiscard]] static TokenizerConfig from_folder(const std::filesystem::path& folder);

  /// Of a tokenizer_config.json alone.
  /// @param file  its name in errors
  [[nodiscard]] static TokenizerConfig from_text(std::string_view text, const std::string& file);
};

/// An element of tokenizer.json's `added_tokens`, of which every flag must be there.
[[nodiscard]] AddedToken added_token(const JsonNode& node);

}  // namespace modelpool::tokenizers
