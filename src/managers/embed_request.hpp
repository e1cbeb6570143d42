// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <stop_token>
#include <string>

#include "managers/batches.hpp"
#include "modelpool/deadline.hpp"
#include "modelpool/managers/embedding.hpp"
#include "modelpool/tokenizers/tokenizer.hpp"
#include "models/embedding_model.hpp"

namespace modelpool::detail {

/// The options of a request after the folder has filled in what was not given.
struct EmbedRequest {
  std::string prompt;
  std::size_t max_length;
  models::PoolingPlan plan;
  std::size_t dimension;
  BatchLimits limits;
  std::size_t texts_at_once;  ///< that are tokenized before the first of them is computed
  Deadline deadline;
  std::stop_token stop;
};

/// Tokens of a text, special ones included, where the request does not say.
[[nodiscard]] std::size_t default_max_length(const models::EmbeddingConfig& config, const Tokenizer& tokenizer);

/// @throws InvalidOptions  naming the option
[[nodiscard]] EmbedRequest resolve(const EmbedOptions& options, const models::EmbeddingConfig& config,
                                   const Tokenizer& tokenizer);

}  // namespace modelpool::detail
