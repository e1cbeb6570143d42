// SPDX-License-Identifier: Apache-2.0
#include "cli/search_index.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>

#include "cli/embedder.hpp"
#include "cli/parallel.hpp"
#include "cli/progress.hpp"

namespace modelpool::cli {
namespace {

constexpr std::size_t kBatch = 16;  // passages of one lease: short enough that all instances end at about the same time

float length_of(std::span<const float> v) { return std::sqrt(std::inner_product(v.begin(), v.end(), v.begin(), 0.0F)); }

// A passage is understood in its section.
std::string text_to_embed(const Passage& passage) {
  return passage.heading.empty() ? passage.text : passage.heading + "\n" + passage.text;
}

// Longest first: texts of one length make even batches, and the short ones fill the gaps at the end.
std::vector<std::size_t> by_length(const std::vector<std::string>& texts) {
  std::vector<std::size_t> order(texts.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return texts[a].size() > texts[b].size(); });
  return order;
}

// The folder's prompt for passages, by the names that sentence-transformers looks for.
std::optional<std::string> passage_prompt(const EmbeddingManager& manager) {
  constexpr std::array<std::string_view, 3> kNames{"document", "passage", "corpus"};
  const auto there = manager.prompt_names();
  for (const auto name : kNames)
    if (std::find(there.begin(), there.end(), name) != there.end()) return std::string{name};
  return std::nullopt;
}

}  // namespace

SearchIndex::SearchIndex(EmbeddingManager& manager, std::vector<Passage> passages, const CommandContext& context)
    : passages_(std::move(passages)), dimension_(manager.dimension()), vectors_(passages_.size() * dimension_) {
  const auto& common = context.options.common;
  std::vector<std::string> texts;
  for (const auto& passage : passages_) texts.push_back(text_to_embed(passage));
  const auto order = by_length(texts);
  const auto batch = std::min(kBatch, common.batch_size.value_or(kBatch));
  const auto options = make_embed_options(common, {.prompt_name = passage_prompt(manager)}, context.interrupt.token());
  Progress progress(common.progress, "passages", texts.size());
  const auto embed_batch = [&](std::size_t b) {
    const auto rows = std::span{order}.subspan(b * batch, std::min(batch, order.size() - b * batch));
    std::vector<std::string> some;
    for (const auto row : rows) some.push_back(std::move(texts[row]));
    const auto lease = manager.acquire({.timeout = common.timeout, .stop = context.interrupt.token()});
    const auto embeddings = manager.embed(some, *lease, options);
    for (std::size_t i = 0; i < rows.size(); ++i) store(rows[i], embeddings[i]);
    progress.advance(rows.size());
  };
  parallel_for((order.size() + batch - 1) / batch, manager.pool_size(), context.interrupt.token(), embed_batch);
  if (context.interrupt.triggered()) throw Cancelled("interrupted while the passages were embedded");
}

void SearchIndex::store(std::size_t passage, std::span<const float> embedding) {
  const auto length = std::max(length_of(embedding), 1e-12F);
  auto* row = vectors_.data() + passage * dimension_;
  std::transform(embedding.begin(), embedding.end(), row, [&](float x) { return x / length; });
}

std::vector<SearchIndex::Hit> SearchIndex::find(std::span<const float> query, std::size_t top_k) const {
  const auto length = std::max(length_of(query), 1e-12F);
  std::vector<Hit> hits(passages_.size());
  for (std::size_t i = 0; i < hits.size(); ++i) {
    const auto* row = vectors_.data() + i * dimension_;
    hits[i] = {.passage = i, .score = std::inner_product(query.begin(), query.end(), row, 0.0F) / length};
  }
  const auto kept = static_cast<std::ptrdiff_t>(std::min(top_k, hits.size()));
  std::partial_sort(hits.begin(), hits.begin() + kept, hits.end(), [](const Hit& a, const Hit& b) {
    return a.score != b.score ? a.score > b.score : a.passage < b.passage;
  });
  hits.resize(static_cast<std::size_t>(kept));
  return hits;
}

}  // namespace modelpool::cli
