// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/word_piece_decoder.hpp"

#include <utility>

#include "tokenizers/clean_up.hpp"

namespace modelpool::tokenizers {

WordPieceDecoder::WordPieceDecoder(std::string prefix, bool cleanup) : prefix_(std::move(prefix)), cleanup_(cleanup) {}

std::vector<std::string> WordPieceDecoder::decode(std::span<const std::string_view> tokens) const {
  std::vector<std::string> pieces;
  pieces.reserve(tokens.size());
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const bool continues = i > 0 && tokens[i].starts_with(prefix_);
    std::string piece(i > 0 && !continues ? 1 : 0, ' ');
    piece.append(continues ? tokens[i].substr(prefix_.size()) : tokens[i]);
    if (cleanup_) clean_up_word_piece(piece);
    pieces.push_back(std::move(piece));
  }
  return pieces;
}

}  // namespace modelpool::tokenizers
