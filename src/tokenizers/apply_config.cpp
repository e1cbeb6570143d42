// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "tokenizers/readers.hpp"

namespace modelpool::tokenizers {
namespace {

// The tokens of the files in the order in which transformers adds them, which decides the ids of new ones.
std::vector<AddedToken> tokens_to_add(const AddedVocabulary& added, const TokenizerConfig& config) {
  std::vector<AddedToken> tokens = config.added_tokens;
  const auto add_if_new = [&](const AddedToken& token) {
    const auto same = [&](const AddedToken& other) { return other.content == token.content; };
    if (!added.token_to_id(token.content) && std::none_of(tokens.begin(), tokens.end(), same)) tokens.push_back(token);
  };
  for (const auto& named : config.special_tokens) add_if_new(named.token);
  for (const auto& token : config.extra_special_tokens) add_if_new(token);
  return tokens;
}

}  // namespace

void apply_config(PipelineParts& parts, const TokenizerConfig& config) {
  parts.added.add(tokens_to_add(parts.added, config), *parts.model, parts.normalizer.get());
  parts.model_max_length = config.model_max_length;
  parts.clean_up_tokenization_spaces = config.clean_up_tokenization_spaces;
  parts.truncate_left = config.truncate_left.value_or(parts.truncate_left);
}

}  // namespace modelpool::tokenizers
