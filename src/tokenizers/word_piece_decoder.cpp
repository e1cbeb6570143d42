// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/word_piece_decoder.hpp"

#include <utility>

#include "tokenizers/clean_up.hpp"

namespace modelpool::tokenizers {

WordPieceDecoder::WordPieceDecoder(std::string prefix, bool cleanup) : prefix_(std::move(prefix)), cleanup_(cleanup) {}

std::string WordPieceDecoder::decode(std::span<const std::string_view> tokens) const {
  std::string text;
  std::string piece;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const bool continues = i > 0 && tokens[i].starts_with(prefix_);
    piece.assign(i > 0 && !continues ? 1 : 0, ' ');
    piece.append(continues ? tokens[i].substr(prefix_.size()) : tokens[i]);
    if (cleanup_) clean_up_word_piece(piece);
    text += piece;
  }
  return text;
}

}  // namespace modelpool::tokenizers
