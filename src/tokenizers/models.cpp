// SPDX-License-Identifier: Apache-2.0
#include <limits>
#include <utility>

#include "tokenizers/byte_pair_reader.hpp"
#include "tokenizers/components.hpp"
#include "tokenizers/document.hpp"
#include "tokenizers/json_node.hpp"
#include "tokenizers/unigram.hpp"
#include "tokenizers/word_level.hpp"
#include "tokenizers/word_piece.hpp"

namespace modelpool::tokenizers {
namespace {

std::unique_ptr<const Model> make_word_piece(const JsonNode& node, VocabularyEntries vocab) {
  constexpr std::uint64_t kMostChars = 1U << 30U;
  const WordPieceOptions options{.unk_token = node.at("unk_token").string(),
                                 .continuing_subword_prefix = node.at("continuing_subword_prefix").string(),
                                 .max_input_chars_per_word = node.at("max_input_chars_per_word").count(kMostChars)};
  return std::make_unique<WordPiece>(std::move(vocab), options, node.file(), node.path() + ".vocab");
}

std::unique_ptr<const Model> make_unigram(const JsonNode& node, PieceEntries pieces) {
  constexpr std::uint64_t kMostId = std::numeric_limits<std::int32_t>::max();
  UnigramOptions options;
  if (const auto unk = node.find("unk_id")) {
    options.unk_id = static_cast<std::int32_t>(unk->count(kMostId));
    if (*options.unk_id >= static_cast<std::int32_t>(pieces.tokens.size())) unk->fail("is not the number of a piece");
  }
  if (const auto fallback = node.find("byte_fallback")) options.byte_fallback = fallback->boolean();
  return std::make_unique<Unigram>(std::move(pieces), options, node.file(), node.path() + ".vocab");
}

// Files written before the key existed have no type; a WordPiece is then known by its prefix.
std::string type_of(const JsonNode& node) {
  if (node.find("type")) return node.type();
  return node.find("continuing_subword_prefix") ? "WordPiece" : "";
}

}  // namespace

std::unique_ptr<const Model> make_model(const JsonNode& node, Document& document) {
  const std::string type = type_of(node);
  const JsonNode vocab = node.at("vocab");
  if (type == "Unigram") {
    (void)vocab.elements();  // an array; its entries are in the document
    return make_unigram(node, std::move(document.pieces()));
  }
  (void)vocab.members();  // an object; its entries are in the document
  if (type == "WordPiece") return make_word_piece(node, std::move(document.vocab()));
  if (type == "WordLevel")
    return std::make_unique<WordLevel>(std::move(document.vocab()), node.at("unk_token").string(), node.file(),
                                       node.path() + ".vocab");
  if (type == "BPE") return make_byte_pair(node, std::move(document.vocab()));
  node.unsupported("model", {"BPE", "WordPiece", "WordLevel", "Unigram"});
}

}  // namespace modelpool::tokenizers
