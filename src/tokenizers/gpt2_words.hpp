// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "tokenizers/text.hpp"

namespace modelpool::tokenizers {

/// Appends the words of a part of a text by GPT-2's pattern
///
///     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
///
/// written out, since almost every byte-level tokenizer runs it over all of its text. Nothing is left between words.
/// @param text  valid UTF-8
void split_gpt2(std::string_view text, Range part, std::vector<Range>& words);

}  // namespace modelpool::tokenizers
