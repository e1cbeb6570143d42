// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tokenizers/components.hpp"

namespace modelpool::tokenizers {

/// Splits at white space, which is dropped, and around each punctuation character, which is kept as a word.
/// Source: tokenizers, pre_tokenizers/bert.rs.
class BertPreTokenizer final : public PreTokenizer {
 public:
  void split(Text& text, std::vector<Range>& words) const override;
};

}  // namespace modelpool::tokenizers
