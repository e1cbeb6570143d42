// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>

#include "tokenizers/components.hpp"
#include "tokenizers/merges.hpp"
#include "tokenizers/vocabulary.hpp"

namespace modelpool::tokenizers {

/// Field names are the keys of tokenizer.json.
struct BytePairOptions {
  std::optional<std::string> unk_token;
  std::string continuing_subword_prefix;  ///< of symbols that do not begin a word
  std::string end_of_word_suffix;         ///< of the symbol that ends one
  bool fuse_unk = false;                  ///< unknown characters in a row are one unknown token
  bool byte_fallback = false;             ///< an unknown character becomes the tokens <0x00> to <0xFF> of its bytes
  bool ignore_merges = false;             ///< a word that is in the vocabulary is not cut
};

/// Byte-pair encoding: a word's characters, or bytes, are merged by rank. Source: Sennrich, Haddow and Birch 2016;
/// tokenizers, models/bpe.
class BytePair final : public Model {
 public:
  /// Where messages place the model's parts.
  struct Place {
    std::string vocab_file;
    std::string vocab_item;
    std::string merges_file;
    std::string merges_item;
  };
  /// @throws LoadError  if a merge, or the unknown token, is not in the vocabulary
  BytePair(VocabularyEntries entries, const MergeEntries& merges, BytePairOptions options, const Place& place);

  void tokenize(const Text& text, std::span<const Range> words, std::vector<Token>& tokens) const override;
  [[nodiscard]] bool reads_bytes() const noexcept override { return reads_bytes_; }
  [[nodiscard]] std::optional<std::int32_t> token_to_id(std::string_view token) const noexcept override;
  [[nodiscard]] std::optional<std::string_view> id_to_token(std::int32_t id) const noexcept override;
  [[nodiscard]] std::size_t size() const noexcept override { return vocabulary_.table().size(); }
  [[nodiscard]] std::size_t id_end() const noexcept override { return vocabulary_.id_end(); }

 private:
  /// What is known of a token's string as a word.
  enum class AsWord : std::uint8_t { unknown, whole, cut };
  class Symbols;

  void add_merges(const MergeEntries& merges, const Place& place);
  void find_byte_tokens();
  [[nodiscard]] bool spells_every_byte() const noexcept;
  [[nodiscard]] std::int32_t known_id(std::string_view token, const std::string& file, const std::string& item) const;
  void cut(std::string_view word, const Text& text, std::vector<Symbol>& symbols) const;

  BytePairOptions options_;
  Vocabulary vocabulary_;
  MergeTable merges_;
  std::int32_t unk_id_ = -1;
  std::array<std::int32_t, 256> byte_ids_;      // of the characters that spell bytes; -1: none
  std::array<std::int32_t, 256> fallback_ids_;  // of <0x00> …; -1: none
  bool reads_bytes_ = false;
  VocabularyEntries spelled_;  // the bytes that tokens spell
  StringTable by_bytes_;       // of spelled_, where reads_bytes_
  // A word that is a token usually merges into it, so it is looked up before anything is merged; whether it does is found
  // out once. Every thread finds the same, so relaxed order is enough.
  mutable std::vector<std::atomic<AsWord>> as_word_;
};

}  // namespace modelpool::tokenizers
