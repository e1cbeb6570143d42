// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tokenizers/components.hpp"

namespace modelpool::tokenizers {

/// Joins tokens by spaces, but for those that start with the prefix. Source: tokenizers, decoders/wordpiece.rs.
class WordPieceDecoder final : public Decoder {
 public:
  /// @param cleanup  take spaces away before punctuation and contractions, within each token
  WordPieceDecoder(std::string prefix, bool cleanup);
  [[nodiscard]] std::vector<std::string> decode(std::span<const std::string_view> tokens) const override;

 private:
  std::string prefix_;
  bool cleanup_;
};

}  // namespace modelpool::tokenizers
