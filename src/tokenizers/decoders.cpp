// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/chain_decoders.hpp"
#include "tokenizers/components.hpp"
#include "tokenizers/json_node.hpp"
#include "tokenizers/metaspace.hpp"
#include "tokenizers/word_piece_decoder.hpp"

namespace modelpool::tokenizers {

std::unique_ptr<const Decoder> make_decoder(const JsonNode& node) {
  if (node.is_null()) return nullptr;
  if (node.type() == "WordPiece")
    return std::make_unique<WordPieceDecoder>(node.at("prefix").string(), node.at("cleanup").boolean());
  if (node.type() == "Metaspace") return std::make_unique<MetaspaceDecoder>(read_metaspace(node));
  if (auto part = make_chain_decoder(node)) return part;
  node.unsupported("decoder", {"BPEDecoder", "ByteFallback", "ByteLevel", "Fuse", "Metaspace", "Replace", "Sequence",
                               "Strip", "WordPiece"});
}

}  // namespace modelpool::tokenizers
