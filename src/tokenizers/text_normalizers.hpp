// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tokenizers/components.hpp"

/// Normalizers other than BERT's and SentencePiece's. Source: tokenizers, normalizers.
namespace modelpool::tokenizers {

/// ByteLevel, Lowercase, NFC, NFD, NFKC, NFKD, Nmt, Prepend, Replace, Strip or StripAccents; null for others.
[[nodiscard]] std::unique_ptr<const Normalizer> make_text_normalizer(const JsonNode& node);

}  // namespace modelpool::tokenizers
