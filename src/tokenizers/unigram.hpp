// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "tokenizers/components.hpp"
#include "tokenizers/piece_trie.hpp"
#include "tokenizers/pieces.hpp"

namespace modelpool::tokenizers {

/// Field names are the keys of tokenizer.json.
struct UnigramOptions {
  std::optional<std::int32_t> unk_id = std::nullopt;  ///< without it a text with an unknown character is InvalidInput
  bool byte_fallback = false;                         ///< what is unknown becomes the tokens of its bytes, if all exist
};

/// Cuts each word into the pieces whose scores have the largest sum; neighbouring unknown characters become one token.
/// Source: Kudo 2018, arXiv:1804.10959; tokenizers, models/unigram/model.rs, encode_optimized.
class Unigram final : public Model {
 public:
  /// @param file  with `item` the place of the vocabulary in errors
  /// @throws LoadError  where there are more pieces than a trie can have
  Unigram(PieceEntries pieces, const UnigramOptions& options, const std::string& file, const std::string& item);

  void tokenize(const Text& text, std::span<const Range> words, std::vector<Token>& tokens) const override;
  [[nodiscard]] std::optional<std::int32_t> token_to_id(std::string_view token) const noexcept override;
  [[nodiscard]] std::optional<std::string_view> id_to_token(std::int32_t id) const noexcept override;
  [[nodiscard]] std::size_t size() const noexcept override { return pieces_.tokens.size(); }
  [[nodiscard]] std::size_t id_end() const noexcept override { return pieces_.tokens.size(); }

 private:
  /// The best way to a place in the word.
  struct Step {
    double score;         // sum from the word's beginning
    std::uint32_t start;  // of the last piece on that way
    std::int32_t id;      // of that piece
  };
  void find_best(std::string_view word, std::span<Step> steps) const;
  void append_best(std::string_view word, std::span<const Step> steps, std::uint32_t begin,
                   std::vector<Token>& tokens) const;
  void append_unknown(std::string_view string, Range range, std::vector<Token>& tokens) const;
  [[nodiscard]] std::int32_t unk_id() const;

  PieceEntries pieces_;
  PieceTrie trie_;
  std::optional<std::int32_t> unk_id_;
  std::optional<std::int32_t> empty_id_;  // of the empty piece, which the trie does not have
  double unk_score_;
  bool byte_fallback_;
  std::array<std::optional<std::int32_t>, 256> byte_ids_;
};

}  // namespace modelpool::tokenizers
