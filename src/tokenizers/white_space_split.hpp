// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tokenizers/components.hpp"

namespace modelpool::tokenizers {

/// Splits at white space, which is dropped. Source: tokenizers, pre_tokenizers/whitespace.rs, WhitespaceSplit.
class WhitespaceSplit final : public PreTokenizer {
 public:
  void split(Text& text, std::vector<Range>& words) const override;
};

}  // namespace modelpool::tokenizers
