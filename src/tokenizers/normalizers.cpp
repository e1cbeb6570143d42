// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/bert_normalizer.hpp"
#include "tokenizers/components.hpp"
#include "tokenizers/json_node.hpp"

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
  node.unsupported("normalizer", {"BertNormalizer"});
}

}  // namespace modelpool::tokenizers
