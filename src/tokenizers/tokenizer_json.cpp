// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>
#include <utility>

#include "tokenizers/document.hpp"
#include "tokenizers/readers.hpp"

namespace modelpool::tokenizers {
namespace {

// An absent part counts as null.
JsonNode part(const JsonNode& root, const char* key) {
  static const nlohmann::json kNull;
  const auto found = root.find(key);
  return found ? *found : JsonNode(kNull, root.file(), key);
}

std::vector<AddedToken> added_tokens(const JsonNode& root) {
  std::vector<AddedToken> tokens;
  if (const auto list = root.find("added_tokens"))
    for (const auto& token : list->elements()) tokens.push_back(added_token(token));
  return tokens;
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

}  // namespace

PipelineParts read_tokenizer_json(std::string_view text, const std::string& file) {
  Document document(text, file);
  const JsonNode root = document.root();
  check_version(root);
  PipelineParts parts;
  parts.model = make_model(root.at("model"), std::move(document.vocab()));
  parts.normalizer = make_normalizer(part(root, "normalizer"));
  parts.pre_tokenizer = make_pre_tokenizer(part(root, "pre_tokenizer"));
  parts.post_processor = make_post_processor(part(root, "post_processor"));
  parts.decoder = make_decoder(part(root, "decoder"));
  parts.truncate_left = truncates_left(root);
  parts.added.add(added_tokens(root), *parts.model, parts.normalizer.get());
  return parts;
}

}  // namespace modelpool::tokenizers
