// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tokenizers/components.hpp"

/// Pre-tokenizers that cut words at patterns or classes of characters. Source: tokenizers, pre_tokenizers.
namespace modelpool::tokenizers {

/// ByteLevel, CharDelimiterSplit, Digits, Punctuation, Split or Whitespace; null for other types.
[[nodiscard]] std::unique_ptr<const PreTokenizer> make_splitter(const JsonNode& node);

}  // namespace modelpool::tokenizers
