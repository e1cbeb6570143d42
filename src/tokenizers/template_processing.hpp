// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tokenizers/components.hpp"

namespace modelpool::tokenizers {

/// What stands at one place of a template: a text of the request, or special tokens.
struct TemplatePiece {
  enum class Kind : std::uint8_t { first_text, second_text, special };
  Kind kind = Kind::first_text;
  std::int32_t type_id = 0;
  std::vector<std::int32_t> ids;  ///< of special tokens
};

struct Template {
  std::vector<TemplatePiece> single;
  std::vector<TemplatePiece> pair;
};

/// A: text of type 0. Pair: text of type 0, text of type 1. What there is without a post-processor.
[[nodiscard]] Template plain_template();
/// [CLS] A [SEP], and for a pair [CLS] A [SEP] B [SEP] with B and its [SEP] of type 1.
[[nodiscard]] Template bert_template(std::int32_t cls_id, std::int32_t sep_id);

/// <s> A </s>, and for a pair <s> A </s></s> B </s>, all of type 0.
[[nodiscard]] Template roberta_template(std::int32_t cls_id, std::int32_t sep_id);

/// Lays texts and special tokens out as a template says. Source: tokenizers, processors/template.rs.
class TemplateProcessing final : public PostProcessor {
 public:
  explicit TemplateProcessing(Template layout);
  [[nodiscard]] std::size_t num_special_tokens(bool pair) const noexcept override;
  [[nodiscard]] Encoding process(std::span<Sequence> sequences, bool add_special_tokens) const override;

 private:
  Template layout_;
};

}  // namespace modelpool::tokenizers
