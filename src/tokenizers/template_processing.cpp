// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/template_processing.hpp"

#include <utility>

namespace modelpool::tokenizers {
namespace {

using Kind = TemplatePiece::Kind;

TemplatePiece text(Kind kind, std::int32_t type_id) { return {kind, type_id, {}}; }
TemplatePiece special(std::int32_t id, std::int32_t type_id) { return {Kind::special, type_id, {id}}; }

void append_special(Encoding& encoding, const TemplatePiece& piece, bool with_offsets) {
  encoding.input_ids.insert(encoding.input_ids.end(), piece.ids.begin(), piece.ids.end());
  encoding.token_type_ids.resize(encoding.size(), piece.type_id);
  encoding.special_tokens_mask.resize(encoding.size(), 1);
  if (with_offsets) encoding.offsets.resize(encoding.size());
}

void append_text(Encoding& encoding, const Sequence& sequence, std::int32_t type_id) {
  encoding.input_ids.insert(encoding.input_ids.end(), sequence.ids.begin(), sequence.ids.end());
  encoding.token_type_ids.resize(encoding.size(), type_id);
  encoding.special_tokens_mask.resize(encoding.size(), 0);
  encoding.offsets.insert(encoding.offsets.end(), sequence.offsets.begin(), sequence.offsets.end());
}

void reserve(Encoding& encoding, std::size_t size, bool with_offsets) {
  encoding.input_ids.reserve(size);
  encoding.token_type_ids.reserve(size);
  encoding.special_tokens_mask.reserve(size);
  if (with_offsets) encoding.offsets.reserve(size);
}

}  // namespace

Template plain_template() {
  return {{text(Kind::first_text, 0)}, {text(Kind::first_text, 0), text(Kind::second_text, 1)}};
}

Template bert_template(std::int32_t cls_id, std::int32_t sep_id) {
  const std::vector<TemplatePiece> single{special(cls_id, 0), text(Kind::first_text, 0), special(sep_id, 0)};
  std::vector<TemplatePiece> pair = single;
  pair.push_back(text(Kind::second_text, 1));
  pair.push_back(special(sep_id, 1));
  return {single, pair};
}

Template roberta_template(std::int32_t cls_id, std::int32_t sep_id) {
  const std::vector<TemplatePiece> single{special(cls_id, 0), text(Kind::first_text, 0), special(sep_id, 0)};
  std::vector<TemplatePiece> pair = single;
  pair.push_back(special(sep_id, 0));
  pair.push_back(text(Kind::second_text, 0));
  pair.push_back(special(sep_id, 0));
  return {single, pair};
}

TemplateProcessing::TemplateProcessing(Template layout) : layout_(std::move(layout)) {}

std::size_t TemplateProcessing::num_special_tokens(bool pair) const noexcept {
  std::size_t count = 0;
  for (const auto& piece : pair ? layout_.pair : layout_.single) count += piece.ids.size();
  return count;
}

Encoding TemplateProcessing::process(std::span<Sequence> sequences, bool add_special_tokens) const {
  const bool pair = sequences.size() == 2;
  std::size_t size = num_special_tokens(pair);
  bool with_offsets = false;
  for (const auto& sequence : sequences) {
    size += sequence.ids.size();
    with_offsets = with_offsets || sequence.with_offsets;
  }
  Encoding encoding;
  reserve(encoding, size, with_offsets);
  for (const auto& piece : pair ? layout_.pair : layout_.single) {
    if (piece.kind == Kind::special) {
      if (add_special_tokens) append_special(encoding, piece, with_offsets);
    } else {
      append_text(encoding, sequences[piece.kind == Kind::second_text ? 1 : 0], piece.type_id);
    }
  }
  return encoding;
}

}  // namespace modelpool::tokenizers
