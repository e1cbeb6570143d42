// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tokenizers/components.hpp"

/// Decoders that change pieces of text one by one or fuse them, mostly used in a Sequence.
/// Source: tokenizers, decoders/{bpe,byte_fallback,fuse,sequence,strip}.rs and normalizers/replace.rs.
namespace modelpool::tokenizers {

/// BPEDecoder, ByteFallback, ByteLevel, Fuse, Replace, Sequence or Strip; null for other types.
[[nodiscard]] std::unique_ptr<const Decoder> make_chain_decoder(const JsonNode& node);

}  // namespace modelpool::tokenizers
