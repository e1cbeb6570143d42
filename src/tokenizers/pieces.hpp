// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "tokenizers/vocabulary.hpp"

namespace modelpool::tokenizers {

/// The vocabulary of a Unigram model: pieces in the order of their ids, with the logarithms of their probabilities.
struct PieceEntries {
  VocabularyEntries tokens;
  std::vector<double> scores;

  void add(std::string_view piece, double score) {
    tokens.add(piece, scores.size());
    scores.push_back(score);
  }
};

/// A JSON number with a fraction or exponent as `tokenizers` reads it, which may be one unit in the last place off the
/// nearest double. Where pieces repeat, segmentations tie but for such units, so the scores must have them too.
/// Source: serde_json, without its feature float_roundtrip.
/// @param number  valid JSON
[[nodiscard]] double fast_number(std::string_view number) noexcept;

}  // namespace modelpool::tokenizers
