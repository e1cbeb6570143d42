// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace modelpool::tokenizers {

/// Replaces every occurrence, left to right, without looking at what was put in.
void replace_all(std::string& text, std::string_view old_part, std::string_view new_part);

/// Takes spaces away before punctuation and English contractions, as transformers' clean_up_tokenization.
void clean_up_spaces(std::string& text);

/// The same in the WordPiece decoder, which also knows " do not".
void clean_up_word_piece(std::string& text);

}  // namespace modelpool::tokenizers
