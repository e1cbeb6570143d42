// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "tokenizers/pipeline.hpp"
#include "tokenizers/tokenizer_config.hpp"

namespace modelpool::tokenizers {

/// The parts that a tokenizer.json describes.
/// @param file  its name in errors
/// @throws LoadError, UnsupportedModel
[[nodiscard]] PipelineParts read_tokenizer_json(std::string_view text, const std::string& file);

/// The parts of a BERT tokenizer that has only a vocab.txt: one token on each line, its number is its id. `config` is
/// applied.
/// @throws LoadError
[[nodiscard]] PipelineParts read_vocab_txt(std::string_view text, const std::string& file,
                                           const TokenizerConfig& config);

/// Adds what tokenizer_config.json says beyond the vocabulary: tokens not there yet, limits, clean-up.
void apply_config(PipelineParts& parts, const TokenizerConfig& config);

}  // namespace modelpool::tokenizers
