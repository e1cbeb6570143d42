// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tokenizers/pipeline.hpp"
#include "tokenizers/tokenizer_config.hpp"

namespace modelpool::tokenizers {

/// transformers' classes of byte-level tokenizers that take from a folder only vocabulary, merges and added tokens (gpt2
/// also the post-processor of a tokenizer.json), and build the rest by themselves. BART's class is that of RoBERTa.
enum class BytePairClass { gpt2, roberta, whisper };

/// @param name  as TokenizerConfig::tokenizer_class
[[nodiscard]] std::optional<BytePairClass> byte_pair_class(std::string_view name);

/// Makes the parts around the model, and for gpt2 around the post-processor if there is one, those of the class.
/// @param file  the vocabulary's, for errors
/// @throws LoadError  if a token that the class needs is nowhere
void apply_byte_pair_config(BytePairClass kind, PipelineParts& parts, const TokenizerConfig& config,
                            const std::string& file);

/// The bytes of a file and its name in errors.
struct NamedText {
  std::string_view text;
  std::string file;
};

/// The parts of a folder with vocab.json and merges.txt alone.
/// @throws LoadError
[[nodiscard]] PipelineParts read_vocab_and_merges(BytePairClass kind, const NamedText& vocab, const NamedText& merges,
                                                  const TokenizerConfig& config);

}  // namespace modelpool::tokenizers
