// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>
#include <utility>

#include "tokenizers/byte_pair_classes.hpp"
#include "tokenizers/byte_pair_reader.hpp"
#include "tokenizers/document.hpp"
#include "tokenizers/precompiled.hpp"
#include "tokenizers/readers.hpp"
#include "tokenizers/sentencepiece_classes.hpp"

namespace modelpool::tokenizers {
namespace {

// An absent part counts as null.
JsonNode part(const JsonNode& root, const char* key) {
  static const nlohmann::json kNull;
  const auto found = root.find(key);
  return found ? *found : JsonNode(kNull, root.file(), key);
}

struct ListedToken {
  std::uint64_t id;
  AddedToken token;
};

std::vector<ListedToken> added_tokens(const JsonNode& root) {
  constexpr std::uint64_t kMostId = 1U << 30U;
  std::vector<ListedToken> tokens;
  if (const auto list = root.find("added_tokens"))
    for (const auto& node : list->elements()) tokens.push_back({node.at("id").count(kMostId), added_token(node)});
  return tokens;
}

// The listed ids decide the order only: a token has its id in the model's vocabulary, or the next free one.
void add_listed(PipelineParts& parts, const std::vector<ListedToken>& listed) {
  std::vector<AddedToken> tokens;
  for (const auto& [id, token] : listed) tokens.push_back(token);
  parts.added.add(tokens, *parts.model, parts.normalizer.get());
}

TokenizerConfig with_listed(const TokenizerConfig& config, const std::vector<ListedToken>& listed) {
  TokenizerConfig result = config;
  if (config.has_added_tokens_decoder) return result;
  for (const auto& [id, token] : listed) result.added_tokens[id] = token;
  return result;
}

void check_version(const JsonNode& root) {
  const auto version = root.find("version");
  if (version && version->string() != "1.0") version->fail("is not 1.0, the only version of this format there is");
}

bool truncates_left(const JsonNode& root) {
  const auto truncation = root.find("truncation");
  const auto direction = truncation ? truncation->find("direction") : std::nullopt;
  return direction && direction->string() == "Left";
}

// The map of characters of the first normalizer that has one; empty where none has.
std::string charsmap_of(const JsonNode& root) {
  const auto normalizer = root.find("normalizer");
  if (!normalizer) return "";
  const bool sequence = normalizer->type() == "Sequence";
  for (const JsonNode& node : sequence ? normalizer->at("normalizers").elements() : std::vector{*normalizer})
    if (node.type() == "Precompiled") return read_charsmap(node.at("precompiled_charsmap"));
  return "";
}

PipelineParts read_sentencepiece_json(SentencePieceClass kind, Document& document, const TokenizerConfig& config) {
  const JsonNode root = document.root();
  const JsonNode model = root.at("model");
  if (model.type() != "Unigram") model.unsupported("model of a " + config.tokenizer_class, {"Unigram"});
  (void)model.at("vocab").elements();  // an array; its entries are in the document
  return make_parts(kind, {std::move(document.pieces()), charsmap_of(root), root.file(), "model.vocab"},
                    with_listed(config, added_tokens(root)));
}

PipelineParts read_byte_pair_json(BytePairClass kind, Document& document, const TokenizerConfig& config) {
  const JsonNode root = document.root();
  const JsonNode model = root.at("model");
  if (model.type() != "BPE") model.unsupported("model of a " + config.tokenizer_class, {"BPE"});
  (void)model.at("vocab").members();  // an object; its entries are in the document
  PipelineParts parts;
  parts.model = make_plain_byte_pair(model, std::move(document.vocab()));
  if (const auto post_processor = root.find("post_processor"))
    parts.post_processor = make_post_processor(*post_processor);
  TokenizerConfig listed = with_listed(config, added_tokens(root));
  listed.add_bos_token = listed.add_eos_token = std::nullopt;  // count only where there is no tokenizer.json
  apply_byte_pair_config(kind, parts, listed, root.file());
  return parts;
}

}  // namespace

PipelineParts read_tokenizer_json(std::string_view text, const std::string& file, const TokenizerConfig& config) {
  const auto kind = sentencepiece_class(config.tokenizer_class);
  Document document(text, file, kind ? Numbers::exact : Numbers::fast);
  const JsonNode root = document.root();
  check_version(root);
  PipelineParts parts;
  if (kind) {
    parts = read_sentencepiece_json(*kind, document, config);
    parts.truncate_left = config.truncate_left.value_or(truncates_left(root));
    return parts;
  }
  if (const auto byte_pair = byte_pair_class(config.tokenizer_class)) {
    parts = read_byte_pair_json(*byte_pair, document, config);
    parts.truncate_left = config.truncate_left.value_or(truncates_left(root));
    return parts;
  }
  parts.model = make_model(root.at("model"), document);
  parts.normalizer = make_normalizer(part(root, "normalizer"));
  parts.pre_tokenizer = make_pre_tokenizer(part(root, "pre_tokenizer"));
  parts.post_processor = make_post_processor(part(root, "post_processor"));
  parts.decoder = make_decoder(part(root, "decoder"));
  parts.truncate_left = truncates_left(root);
  const auto listed = added_tokens(root);
  if (config.is_bert()) {
    apply_bert_config(parts, with_listed(config, listed));
  } else if (config.is_mpnet()) {
    apply_mpnet_config(parts, with_listed(config, listed));
  } else {
    add_listed(parts, listed);
    apply_config(parts, config);
  }
  return parts;
}

}  // namespace modelpool::tokenizers
