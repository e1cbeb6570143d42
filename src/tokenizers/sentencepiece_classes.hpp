// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tokenizers/pieces.hpp"
#include "tokenizers/pipeline.hpp"
#include "tokenizers/tokenizer_config.hpp"

namespace modelpool::tokenizers {

/// transformers' classes of tokenizers with a Unigram model that take from a folder's tokenizer.json, or SentencePiece
/// model, only pieces, map of characters and added tokens, and build the rest by themselves.
enum class SentencePieceClass { xlm_roberta, t5, mbart, mbart50, camembert };

/// @param name  as TokenizerConfig::tokenizer_class
[[nodiscard]] std::optional<SentencePieceClass> sentencepiece_class(std::string_view name);

/// The name of the SentencePiece model in a folder of this class.
[[nodiscard]] const char* model_file_of(SentencePieceClass kind);

/// What such a tokenizer is built from.
struct SentencePieceSource {
  PieceEntries pieces;
  std::string charsmap;  ///< empty: there is none
  std::string file;      ///< for errors
  std::string item;      ///< where in it the pieces are
};

/// @throws LoadError
[[nodiscard]] PipelineParts make_parts(SentencePieceClass kind, SentencePieceSource source,
                                       const TokenizerConfig& config);

/// From the bytes of a SentencePiece model alone, with the ids that transformers gives its pieces.
/// Source: transformers 5.24, convert_slow_tokenizer.py, convert_from_spm of each class.
/// @throws LoadError
[[nodiscard]] PipelineParts read_sentencepiece_model(SentencePieceClass kind, std::string_view bytes,
                                                     const std::string& file, const TokenizerConfig& config);

}  // namespace modelpool::tokenizers
