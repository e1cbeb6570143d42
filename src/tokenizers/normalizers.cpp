// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/bert_normalizer.hpp"
#include "tokenizers/components.hpp"
#include "tokenizers/json_node.hpp"
#include "tokenizers/precompiled.hpp"

namespace modelpool::tokenizers {

std::unique_ptr<const Normalizer> make_normalizer(const JsonNode& node) {
  if (node.is_null()) return nullptr;
  if (node.type() == "BertNormalizer") {
    const auto strip_accents = node.find("strip_accents");
    return std::make_unique<BertNormalizer>(
        BertNormalizerOptions{.clean_text = node.at("clean_text").boolean(),
                              .handle_chinese_chars = node.at("handle_chinese_chars").boolean(),
                              .strip_accents = strip_accents ? std::optional(strip_accents->boolean()) : std::nullopt,
                              .lowercase = node.at("lowercase").boolean()});
  }
  if (node.type() == "Precompiled") {
    const JsonNode map = node.at("precompiled_charsmap");
    const auto bytes = from_base64(map.string());
    if (!bytes) map.fail("is not base 64");
    return std::make_unique<Precompiled>(Charsmap(*bytes, map.file(), map.path()));
  }
  node.unsupported("normalizer", {"BertNormalizer", "Precompiled"});
}

}  // namespace modelpool::tokenizers
