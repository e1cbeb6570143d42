// SPDX-License-Identifier: Apache-2.0
#include "managers/embed_request.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "modelpool/error.hpp"

namespace modelpool {

Pooling parse_pooling(std::string_view text) {
  if (text == "auto") return Pooling::automatic;
  if (text == "mean") return Pooling::mean;
  if (text == "cls") return Pooling::cls;
  if (text == "max") return Pooling::max;
  if (text == "lasttoken") return Pooling::lasttoken;
  throw InvalidOptions("pooling", std::string(text), "auto, mean, cls, max or lasttoken");
}

namespace detail {
namespace {

// all-MiniLM-L6-v2 on two cores with AVX2: 256 to 4096 tokens differ by less than the measurement's noise. Fewer tokens
// are less working memory.
constexpr std::size_t kBatchTokens = 512;
constexpr std::size_t kBatchTexts = 4096;

std::vector<models::PoolingMode> modes_of(Pooling pooling, const models::EmbeddingConfig& config) {
  switch (pooling) {
    case Pooling::mean:
      return {models::PoolingMode::mean};
    case Pooling::cls:
      return {models::PoolingMode::cls};
    case Pooling::max:
      return {models::PoolingMode::max};
    case Pooling::lasttoken:
      return {models::PoolingMode::lasttoken};
    case Pooling::automatic:
      break;
  }
  return config.sentence_transformer.pooling;
}

std::string names_of(const std::map<std::string, std::string>& prompts) {
  if (prompts.empty()) return "no name: this model has no prompts";
  std::string names;
  for (const auto& [name, text] : prompts) names += (names.empty() ? "one of " : ", ") + name;
  return names;
}

std::string prompt_of(const EmbedOptions& options, const models::SentenceTransformerConfig& config) {
  if (options.prompt) {
    if (options.prompt_name)
      throw InvalidOptions("prompt_name", *options.prompt_name, "prompt or prompt_name, not both");
    return *options.prompt;
  }
  const auto& name = options.prompt_name ? options.prompt_name : config.default_prompt_name;
  if (!name) return "";
  const auto prompt = config.prompts.find(*name);
  if (prompt == config.prompts.end()) throw InvalidOptions("prompt_name", *name, names_of(config.prompts));
  return prompt->second;
}

std::size_t at_least(std::string_view option, std::size_t value, std::size_t least) {
  if (value >= least) return value;
  throw InvalidOptions(std::string(option), fmt::to_string(value), fmt::format("at least {}", least));
}

std::size_t max_length_of(const EmbedOptions& options, const models::EmbeddingConfig& config,
                          const Tokenizer& tokenizer) {
  if (!options.max_length) return default_max_length(config, tokenizer);
  const auto least = tokenizer.num_special_tokens() + 1;
  const auto most = static_cast<std::size_t>(config.encoder.max_length());
  if (*options.max_length < least || *options.max_length > most) {
    throw InvalidOptions("max_length", fmt::to_string(*options.max_length), fmt::format("{} to {}", least, most));
  }
  return *options.max_length;
}

// Numbers of an embedding before it is cut. @param modes  how many poolings are joined
std::size_t available_dimension(std::size_t modes, const models::EmbeddingConfig& config) {
  const auto pooled = modes * static_cast<std::size_t>(config.encoder.hidden_size);
  try {
    return config.dimension_after(pooled);
  } catch (const LoadError&) {  // the folder fits itself: it is the request that does not
    throw InvalidOptions("pooling", fmt::format("a vector of {} numbers", pooled),
                         "auto, because the folder's modules after the pooling take another number");
  }
}

std::size_t dimension_of(const EmbedOptions& options, std::size_t available) {
  const auto dimensions = options.dimensions.value_or(available);
  if (dimensions >= 1 && dimensions <= available) return dimensions;
  throw InvalidOptions("dimensions", fmt::to_string(dimensions), fmt::format("1 to {}", available));
}

// How many of the first tokens belong to the prompt, where those are not pooled: its tokens alone, without what closes
// them.
std::int64_t prompt_tokens(const std::string& prompt, const models::SentenceTransformerConfig& config,
                           std::size_t max_length, const Tokenizer& tokenizer) {
  if (config.include_prompt || prompt.empty()) return 0;
  const auto encoding = tokenizer.encode(prompt, {.max_length = max_length});
  const bool closed = encoding.size() > 0 && encoding.special_tokens_mask.back() == 1;
  return static_cast<std::int64_t>(encoding.size()) - (closed ? 1 : 0);
}

}  // namespace

std::size_t default_max_length(const models::EmbeddingConfig& config, const Tokenizer& tokenizer) {
  const auto positions = static_cast<std::size_t>(config.encoder.max_length());
  // RoBERTa's kind has fewer than max_position_embeddings, which some folders have as their max_seq_length.
  if (const auto& length = config.sentence_transformer.max_seq_length) return std::min(*length, positions);
  return std::min(tokenizer.model_max_length().value_or(positions), positions);
}

EmbedRequest resolve(const EmbedOptions& options, const models::EmbeddingConfig& config, const Tokenizer& tokenizer) {
  const auto& folder = config.sentence_transformer;
  EmbedRequest request;
  request.prompt = prompt_of(options, folder);
  request.max_length = max_length_of(options, config, tokenizer);
  request.plan.modes = modes_of(options.pooling, config);
  request.plan.first_token = prompt_tokens(request.prompt, folder, request.max_length, tokenizer);
  request.plan.normalize_modules = options.normalize.value_or(true);
  request.plan.normalize_after = options.normalize.value_or(false);
  request.dimension = dimension_of(options, available_dimension(request.plan.modes.size(), config));
  request.limits.texts = at_least("batch_size", options.batch_size.value_or(kBatchTexts), 1);
  request.limits.tokens = at_least("batch_tokens", options.batch_tokens.value_or(kBatchTokens), 1);
  request.deadline = Deadline::after(options.timeout);
  request.stop = options.stop;
  return request;
}

}  // namespace detail
}  // namespace modelpool
