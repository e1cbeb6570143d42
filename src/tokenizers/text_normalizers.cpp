// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/text_normalizers.hpp"

#include "tokenizers/byte_level.hpp"
#include "tokenizers/json_node.hpp"

namespace modelpool::tokenizers {

std::unique_ptr<const Normalizer> make_text_normalizer(const JsonNode& node) {
  if (node.type() == "ByteLevel") return std::make_unique<ByteLevelNormalizer>();
  return nullptr;
}

}  // namespace modelpool::tokenizers
