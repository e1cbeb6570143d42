// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tokenizers/byte_pair.hpp"

namespace modelpool::tokenizers {

class JsonNode;

/// The model of a tokenizer.json with `type` BPE.
[[nodiscard]] std::unique_ptr<const Model> make_byte_pair(const JsonNode& node, VocabularyEntries vocab);

/// The same with the vocabulary and merges alone, as byte-level classes of transformers take them.
[[nodiscard]] std::unique_ptr<const Model> make_plain_byte_pair(const JsonNode& node, VocabularyEntries vocab);

/// A merges.txt: two tokens on each line, with a space between; lines that start with #version are left out.
/// @throws LoadError  with the byte where a line is no merge
[[nodiscard]] MergeEntries read_merges_txt(std::string_view text, const std::string& file);

}  // namespace modelpool::tokenizers
