// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <limits>
#include <utility>

#include "modelpool/error.hpp"
#include "tokenizers/components.hpp"
#include "tokenizers/json_node.hpp"
#include "tokenizers/offset_trimming.hpp"
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

// What a ByteLevel, or a Sequence of several parts, comes to.
struct Steps {
  std::vector<OffsetTrimming::Options> trimming;
  std::unique_ptr<const PostProcessor> layout;  // null: none of the parts adds special tokens
};

void add_step(Steps& steps, const JsonNode& node) {
  if (node.type() == "Sequence") {
    for (const auto& part : node.at("processors").elements()) add_step(steps, part);
  } else if (node.type() == "ByteLevel") {
    if (node.at("trim_offsets").boolean())
      steps.trimming.push_back({node.at("add_prefix_space").boolean(), steps.layout != nullptr});
  } else if (steps.layout) {
    throw UnsupportedModel{
        node.file(), node.path(), node.type() + " behind another part that adds special tokens", {"ByteLevel"}};
  } else {
    steps.layout = make_post_processor(node);
  }
}

Steps steps_of(const JsonNode& node) {
  Steps steps;
  add_step(steps, node);
  return steps;
}

std::unique_ptr<const PostProcessor> make_steps(Steps steps) {
  if (!steps.layout) steps.layout = std::make_unique<TemplateProcessing>(plain_template());
  if (steps.trimming.empty()) return std::move(steps.layout);
  return std::make_unique<OffsetTrimming>(std::move(steps.trimming), std::move(steps.layout));
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
  if (node.type() == "ByteLevel" || node.type() == "Sequence") return make_steps(steps_of(node));
  if (node.type() == "RobertaProcessing")
    return make_roberta(named_id(node.at("cls")), named_id(node.at("sep")), node.at("trim_offsets").boolean(),
                        node.at("add_prefix_space").boolean());
  node.unsupported("post_processor",
                   {"TemplateProcessing", "BertProcessing", "ByteLevel", "RobertaProcessing", "Sequence"});
}

std::unique_ptr<const PostProcessor> make_roberta(std::int32_t cls_id, std::int32_t sep_id, bool trim_offsets,
                                                  bool add_prefix_space) {
  auto layout = std::make_unique<TemplateProcessing>(roberta_template(cls_id, sep_id));
  if (!trim_offsets) return layout;
  return std::make_unique<OffsetTrimming>(std::vector{OffsetTrimming::Options{add_prefix_space}}, std::move(layout));
}

}  // namespace modelpool::tokenizers
