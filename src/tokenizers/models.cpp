// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "tokenizers/components.hpp"
#include "tokenizers/json_node.hpp"
#include "tokenizers/word_piece.hpp"

namespace modelpool::tokenizers {

std::unique_ptr<const Model> make_model(const JsonNode& node, VocabularyEntries vocab) {
  constexpr std::uint64_t kMostChars = 1U << 30U;
  // Files written before the key existed have no type; a WordPiece is then known by its prefix.
  const bool word_piece = node.find("type") ? node.type() == "WordPiece" : bool(node.find("continuing_subword_prefix"));
  if (!word_piece) node.unsupported("model", {"WordPiece"});
  (void)node.at("vocab").members();  // an object; its entries are in `vocab`
  const WordPieceOptions options{.unk_token = node.at("unk_token").string(),
                                 .continuing_subword_prefix = node.at("continuing_subword_prefix").string(),
                                 .max_input_chars_per_word = node.at("max_input_chars_per_word").count(kMostChars)};
  return std::make_unique<WordPiece>(std::move(vocab), options, node.file(), node.path() + ".vocab");
}

}  // namespace modelpool::tokenizers
