// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "tokenizers/components.hpp"
#include "tokenizers/vocabulary.hpp"

namespace modelpool::tokenizers {

/// Each word is one token, known or unknown. Source: tokenizers, models/wordlevel.
class WordLevel final : public Model {
 public:
  /// @param unk_token  may be absent from the vocabulary: then a text with an unknown word is InvalidInput
  /// @param file       with `item` the place of the vocabulary in errors
  /// @throws LoadError  as Vocabulary
  WordLevel(VocabularyEntries entries, std::string unk_token, const std::string& file, const std::string& item);

  void tokenize(const Text& text, std::span<const Range> words, std::vector<Token>& tokens) const override;
  [[nodiscard]] std::optional<std::int32_t> token_to_id(std::string_view token) const noexcept override;
  [[nodiscard]] std::optional<std::string_view> id_to_token(std::int32_t id) const noexcept override;
  [[nodiscard]] std::size_t size() const noexcept override { return vocabulary_.table().size(); }
  [[nodiscard]] std::size_t id_end() const noexcept override { return vocabulary_.id_end(); }

 private:
  Vocabulary vocabulary_;
  std::string unk_token_;
  std::optional<std::int32_t> unk_id_;
};

}  // namespace modelpool::tokenizers
