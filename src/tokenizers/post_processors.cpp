// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <limits>

#include "tokenizers/components.hpp"
#include "tokenizers/json_node.hpp"
#include "tokenizers/template_processing.hpp"

namespace modelpool::tokenizers {
namespace {

constexpr std::uint64_t kMostId = std::numeric_limits<std::int32_t>::max();

std::int32_t id_of(const JsonNode& node) { return static_cast<std::int32_t>(node.count(kMostId)); }

std::vector<std::int32_t> ids_of(const JsonNode& special_token) {
  std::vector<std::int32_t> ids;
  for (const auto& id : special_token.at("ids").elements()) ids.push_back(id_of(id));
  return ids;
}

TemplatePiece piece_of(const JsonNode& node, const JsonNode& special_tokens, bool pair) {
  if (const auto sequence = node.find("Sequence")) {
    const JsonNode id = sequence->at("id");
    const bool second = id.string() == "B";
    if ((!second && id.string() != "A") || (second && !pair)) id.fail(pair ? "must be A or B" : "must be A");
    const auto kind = second ? TemplatePiece::Kind::second_text : TemplatePiece::Kind::first_text;
    return {kind, id_of(sequence->at("type_id")), {}};
  }
  const JsonNode special = node.at("SpecialToken");
  return {TemplatePiece::Kind::special, id_of(special.at("type_id")),
          ids_of(special_tokens.at(special.at("id").string()))};
}

std::vector<TemplatePiece> pieces_of(const JsonNode& node, const JsonNode& special_tokens, bool pair) {
  std::vector<TemplatePiece> pieces;
  for (const auto& piece : node.elements()) pieces.push_back(piece_of(piece, special_tokens, pair));
  return pieces;
}

// BertProcessing writes a special token as ["[SEP]", 102].
std::int32_t named_id(const JsonNode& node) {
  const auto parts = node.elements();
  if (parts.size() != 2) node.fail("must be a token and its id, for example [\"[SEP]\", 102]");
  return id_of(parts[1]);
}

}  // namespace

std::unique_ptr<const PostProcessor> make_post_processor(const JsonNode& node) {
  if (node.is_null()) return std::make_unique<TemplateProcessing>(plain_template());
  if (node.type() == "TemplateProcessing") {
    const JsonNode special_tokens = node.at("special_tokens");
    return std::make_unique<TemplateProcessing>(Template{pieces_of(node.at("single"), special_tokens, false),
                                                         pieces_of(node.at("pair"), special_tokens, true)});
  }
  if (node.type() == "BertProcessing")
    return std::make_unique<TemplateProcessing>(bert_template(named_id(node.at("cls")), named_id(node.at("sep"))));
  node.unsupported("post_processor", {"TemplateProcessing", "BertProcessing"});
}

}  // namespace modelpool::tokenizers
