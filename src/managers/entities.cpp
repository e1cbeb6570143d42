// SPDX-License-Identifier: Apache-2.0
#include "managers/entities.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace modelpool::detail {
namespace {

constexpr std::string_view kOutside = "O";  // the label of what is no entity

void softmax(std::span<float> values) {
  const float top = std::ranges::max(values);
  float sum = 0;
  for (auto& value : values) {
    value = std::exp(value - top);
    sum += value;
  }
  for (auto& value : values) value /= sum;
}

// A label's position in its entity, and what it names.
struct Tag {
  bool begins;
  std::string_view name;
};

Tag tag_of(std::string_view label) {
  if (label.starts_with("B-")) return {true, label.substr(2)};
  if (label.starts_with("I-")) return {false, label.substr(2)};
  return {false, label};
}

// The part of a text between two of its code points, which are asked for from left to right.
class CodePoints {
 public:
  explicit CodePoints(std::string_view text) : text_(text) {}

  [[nodiscard]] std::string_view between(std::size_t start, std::size_t end) {
    if (start < point_) byte_ = point_ = 0;
    const auto begin = byte_of(start);
    return text_.substr(begin, byte_of(end) - begin);
  }

 private:
  std::size_t byte_of(std::size_t point) {
    const auto continues = [&](std::size_t i) { return (static_cast<unsigned char>(text_[i]) & 0xC0U) == 0x80U; };
    while (point_ < point && byte_ < text_.size()) {
      do ++byte_;
      while (byte_ < text_.size() && continues(byte_));
      ++point_;
    }
    return byte_;
  }

  std::string_view text_;
  std::size_t byte_ = 0;  // of code point point_
  std::size_t point_ = 0;
};

// The tokens between the special ones, each with its best label.
std::vector<Entity> label_tokens(std::string_view text, const Encoding& encoding, std::span<const float> logits,
                                 const models::ClassificationConfig& config, const Tokenizer& tokenizer) {
  const auto labels = config.labels.size();
  const auto unknown = tokenizer.token_to_id(config.unknown_token);
  CodePoints points(text);
  std::vector<Entity> entities;
  for (std::size_t i = 0; i < encoding.size(); ++i) {
    if (encoding.special_tokens_mask[i] != 0) continue;
    const auto row = logits.subspan(i * labels, labels);
    std::vector<float> scores(row.begin(), row.end());
    softmax(scores);
    const auto best = std::ranges::max_element(scores);
    const auto id = encoding.input_ids[i];
    const auto [start, end] = encoding.offsets[i];
    const auto word = unknown == id ? points.between(start, end) : tokenizer.id_to_token(id).value_or("");
    entities.push_back({.label = config.labels[static_cast<std::size_t>(best - scores.begin())],
                        .score = *best,
                        .index = i,
                        .word = std::string(word),
                        .start = start,
                        .end = end});
  }
  return entities;
}

Entity join(std::span<const Entity> tokens, const Tokenizer& tokenizer) {
  std::vector<std::string_view> words;
  double score = 0;
  for (const auto& token : tokens) {
    words.emplace_back(token.word);
    score += double{token.score};
  }
  // Everything behind the first dash, whatever stands before it.
  const std::string_view label = tokens.front().label;
  const auto dash = label.find('-');
  return {.label = std::string(dash == std::string_view::npos ? label : label.substr(dash + 1)),
          .score = static_cast<float>(score / static_cast<double>(tokens.size())),
          .word = tokenizer.join_tokens(words),
          .start = tokens.front().start,
          .end = tokens.back().end};
}

// Neighbours of one name are an entity, until one of them begins a new one.
std::vector<Entity> join_neighbours(std::span<const Entity> tokens, const Tokenizer& tokenizer) {
  std::vector<Entity> joined;
  for (std::size_t begin = 0, i = 1; begin < tokens.size(); ++i) {
    const bool goes_on = i < tokens.size() && !tag_of(tokens[i].label).begins &&
                         tag_of(tokens[i].label).name == tag_of(tokens[i - 1].label).name;
    if (goes_on) continue;
    joined.push_back(join(tokens.subspan(begin, i - begin), tokenizer));
    begin = i;
  }
  return joined;
}

}  // namespace

std::vector<LabelScore> label_scores(std::span<const float> logits, const models::ClassificationConfig& config) {
  std::vector<float> scores(logits.begin(), logits.end());
  if (config.scores == models::ClassificationConfig::Scores::softmax) softmax(scores);
  if (config.scores == models::ClassificationConfig::Scores::sigmoid) {
    for (auto& score : scores) score = 1.0f / (1.0f + std::exp(-score));
  }
  std::vector<LabelScore> labels;
  for (std::size_t i = 0; i < scores.size(); ++i) labels.push_back({config.labels[i], scores[i]});
  std::ranges::stable_sort(labels, std::ranges::greater{}, &LabelScore::score);
  return labels;
}

std::vector<Entity> entities_of(std::string_view text, const Encoding& encoding, std::span<const float> logits,
                                Aggregation aggregation, const models::ClassificationConfig& config,
                                const Tokenizer& tokenizer) {
  auto entities = label_tokens(text, encoding, logits, config, tokenizer);
  if (aggregation == Aggregation::simple) entities = join_neighbours(entities, tokenizer);
  std::erase_if(entities, [](const Entity& entity) { return entity.label == kOutside; });
  return entities;
}

}  // namespace modelpool::detail
