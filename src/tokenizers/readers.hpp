// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "tokenizers/pipeline.hpp"
#include "tokenizers/tokenizer_config.hpp"

namespace modelpool::tokenizers {

/// The parts that a tokenizer.json describes, with `config` applied.
///
/// Note [BERT classes]: transformers' BertTokenizer takes vocabulary and added tokens from tokenizer.json, and builds
/// normalizer, pre-tokenizer, decoder and post-processor by itself from tokenizer_config.json, where `do_lower_case` is
/// true if absent. A cased tokenizer.json without that key is lowercased there, so it is here.
/// @param file  its name in errors
/// @throws LoadError, UnsupportedModel
[[nodiscard]] PipelineParts read_tokenizer_json(std::string_view text, const std::string& file,
                                                const TokenizerConfig& config);

/// The parts of a BERT or MPNet tokenizer that has only a vocab.txt: one token on each line, its number is its id.
/// @throws LoadError
[[nodiscard]] PipelineParts read_vocab_txt(std::string_view text, const std::string& file,
                                           const TokenizerConfig& config);

/// Adds the tokens that `config` names beyond those already there, and sets limits and clean-up.
void apply_config(PipelineParts& parts, const TokenizerConfig& config);

/// Makes the parts around the model those of a BertTokenizer.
void apply_bert_config(PipelineParts& parts, const TokenizerConfig& config);

/// As apply_bert_config, those of an MPNetTokenizer.
void apply_mpnet_config(PipelineParts& parts, const TokenizerConfig& config);

}  // namespace modelpool::tokenizers
