// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/bert_pre_tokenizer.hpp"
#include "tokenizers/components.hpp"
#include "tokenizers/json_node.hpp"

namespace modelpool::tokenizers {

std::unique_ptr<const PreTokenizer> make_pre_tokenizer(const JsonNode& node) {
  if (node.is_null()) return nullptr;
  if (node.type() == "BertPreTokenizer") return std::make_unique<BertPreTokenizer>();
  node.unsupported("pre_tokenizer", {"BertPreTokenizer"});
}

}  // namespace modelpool::tokenizers
