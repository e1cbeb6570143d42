// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tokenizers/components.hpp"
#include "tokenizers/vocabulary.hpp"

namespace modelpool::tokenizers {

/// Field names are the keys of tokenizer.json.
struct WordPieceOptions {
  std::string unk_token = "[UNK]";
  std::string continuing_subword_prefix = "##";
  std::size_t max_input_chars_per_word = 100;
};

/// Greedy longest-match-first cutting of words; what cannot be cut, or is too long, becomes one unknown token.
/// Source: Schuster and Nakajima 2012; tokenizers, models/wordpiece.
class WordPiece final : public Model {
 public:
  /// @throws LoadError  naming file and item, if the unknown token is not in the vocabulary
  WordPiece(VocabularyEntries entries, const WordPieceOptions& options, const std::string& file,
            const std::string& item);

  void tokenize(const Text& text, std::span<const Range> words, std::vector<Token>& tokens) const override;
  [[nodiscard]] std::optional<std::int32_t> token_to_id(std::string_view token) const noexcept override;
  [[nodiscard]] std::optional<std::string_view> id_to_token(std::int32_t id) const noexcept override;
  [[nodiscard]] std::size_t size() const noexcept override { return vocabulary_.table().size(); }
  [[nodiscard]] std::size_t id_end() const noexcept override { return vocabulary_.id_end(); }

 private:
  struct Match {
    std::int32_t id;
    std::uint32_t length;  // in bytes
  };
  [[nodiscard]] bool too_long(std::string_view word) const noexcept;
  [[nodiscard]] bool cut(std::string_view text, Range word, std::vector<Token>& tokens) const;
  [[nodiscard]] static std::optional<Match> longest_match(const StringTable& table, std::string_view rest);

  Vocabulary vocabulary_;
  StringTable continuations_;  // tokens that start with the prefix, without it
  std::size_t max_input_chars_per_word_;
  std::int32_t unk_id_;
};

}  // namespace modelpool::tokenizers
