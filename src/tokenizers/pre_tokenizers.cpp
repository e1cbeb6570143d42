// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/bert_pre_tokenizer.hpp"
#include "tokenizers/components.hpp"
#include "tokenizers/json_node.hpp"
#include "tokenizers/metaspace.hpp"
#include "tokenizers/sequences.hpp"
#include "tokenizers/splitters.hpp"
#include "tokenizers/white_space_split.hpp"

namespace modelpool::tokenizers {

std::unique_ptr<const PreTokenizer> make_pre_tokenizer(const JsonNode& node) {
  if (node.is_null()) return nullptr;
  if (node.type() == "BertPreTokenizer") return std::make_unique<BertPreTokenizer>();
  if (auto part = make_splitter(node)) return part;
  if (node.type() == "Metaspace") return std::make_unique<MetaspacePreTokenizer>(read_metaspace(node));
  if (node.type() == "WhitespaceSplit") return std::make_unique<WhitespaceSplit>();
  if (node.type() == "Sequence") {
    std::vector<std::unique_ptr<const PreTokenizer>> parts;
    for (const auto& part : node.at("pretokenizers").elements()) parts.push_back(make_pre_tokenizer(part));
    return std::make_unique<PreTokenizerSequence>(std::move(parts));
  }
  node.unsupported("pre_tokenizer", {"BertPreTokenizer", "ByteLevel", "CharDelimiterSplit", "Digits", "Metaspace",
                                     "Punctuation", "Sequence", "Split", "Whitespace", "WhitespaceSplit"});
}

}  // namespace modelpool::tokenizers
