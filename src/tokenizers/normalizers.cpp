// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/bert_normalizer.hpp"
#include "tokenizers/components.hpp"
#include "tokenizers/json_node.hpp"
#include "tokenizers/precompiled.hpp"
#include "tokenizers/sequences.hpp"
#include "tokenizers/text_normalizers.hpp"

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
  if (auto part = make_text_normalizer(node)) return part;
  if (node.type() == "Precompiled") {
    const JsonNode map = node.at("precompiled_charsmap");
    return std::make_unique<Precompiled>(Charsmap(read_charsmap(map), map.file(), map.path()));
  }
  if (node.type() == "Sequence") {
    std::vector<std::unique_ptr<const Normalizer>> parts;
    for (const auto& part : node.at("normalizers").elements()) parts.push_back(make_normalizer(part));
    return std::make_unique<NormalizerSequence>(std::move(parts));
  }
  node.unsupported("normalizer", {"BertNormalizer", "ByteLevel", "Lowercase", "NFC", "NFD", "NFKC", "NFKD", "Nmt",
                                  "Precompiled", "Prepend", "Replace", "Sequence", "Strip", "StripAccents"});
}

}  // namespace modelpool::tokenizers
