// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/splitters.hpp"

#include "tokenizers/byte_level.hpp"
#include "tokenizers/json_node.hpp"

namespace modelpool::tokenizers {

std::unique_ptr<const PreTokenizer> make_splitter(const JsonNode& node) {
  if (node.type() != "ByteLevel") return nullptr;
  const auto use_regex = node.find("use_regex");
  return std::make_unique<ByteLevelPreTokenizer>(node.at("add_prefix_space").boolean(),
                                                 !use_regex || use_regex->boolean());
}

}  // namespace modelpool::tokenizers
