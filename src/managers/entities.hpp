// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "modelpool/managers/classification.hpp"
#include "modelpool/tokenizers/tokenizer.hpp"
#include "models/classification_model.hpp"

namespace modelpool::detail {

/// All labels with what the configuration makes of their logits, the best first.
/// @param logits  one for each label
[[nodiscard]] std::vector<LabelScore> label_scores(std::span<const float> logits,
                                                   const models::ClassificationConfig& config);

/// What the model says of a text's tokens. Reference: transformers v5.24.0, pipelines/token_classification.py.
/// @param encoding  of the text, with offsets
/// @param logits    (tokens, labels), row-major
[[nodiscard]] std::vector<Entity> entities_of(std::string_view text, const Encoding& encoding,
                                              std::span<const float> logits, Aggregation aggregation,
                                              const models::ClassificationConfig& config, const Tokenizer& tokenizer);

}  // namespace modelpool::detail
