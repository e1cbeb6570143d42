// SPDX-License-Identifier: Apache-2.0
#include "cli/search_index.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
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
void sort_by_length(std::vector<std::size_t>& rows, const std::vector<std::string>& texts) {
  std::stable_sort(rows.begin(), rows.end(), [&](auto a, auto b) { return texts[a].size() > texts[b].size(); });
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

SearchIndex::SearchIndex(EmbeddingManager& manager, std::vector<Passage> passages, const PassageCache* cache,
                         const CommandContext& context)
    : passages_(std::move(passages)), dimension_(manager.dimension()) {
  std::map<PassageKey, std::size_t> row_of_text;
  std::vector<PassageKey> keys;    // of the rows
  std::vector<std::string> texts;  // of the rows
  for (const auto& passage : passages_) {
    auto text = text_to_embed(passage);
    const auto key = passage_key(text);
    const auto [place, is_new] = row_of_text.try_emplace(key, texts.size());
    rows_.push_back(place->second);
    if (!is_new) continue;
    keys.push_back(key);
    texts.push_back(std::move(text));
  }
  vectors_.resize(texts.size() * dimension_);
  auto missing = take_from(cache, keys, context.log);
  if (missing.empty()) return;
  embed(manager, texts, std::move(missing), context);
  if (cache) cache->save(keys, vectors_);
}

std::vector<std::size_t> SearchIndex::take_from(const PassageCache* cache, std::span<const PassageKey> keys, Log& log) {
  std::vector<std::size_t> missing;
  for (std::size_t i = 0; i < keys.size(); ++i)
    if (!cache || !cache->find(keys[i], row(i))) missing.push_back(i);
  if (cache)
    log.write(LogLevel::info, fmt::format("{} of {} passages from the cache {}", keys.size() - missing.size(),
                                          keys.size(), cache->file().string()));
  return missing;
}

void SearchIndex::embed(EmbeddingManager& manager, const std::vector<std::string>& texts, std::vector<std::size_t> rows,
                        const CommandContext& context) {
  sort_by_length(rows, texts);
  const auto& common = context.options.common;
  const auto batch = std::min(kBatch, common.batch_size.value_or(kBatch));
  const auto options = make_embed_options(common, {.prompt_name = passage_prompt(manager)}, context.interrupt.token());
  Progress progress(common.progress, "passages", rows.size());
  const auto embed_batch = [&](std::size_t b) {
    const auto some = std::span{rows}.subspan(b * batch, std::min(batch, rows.size() - b * batch));
    std::vector<std::string> their_texts;
    for (const auto i : some) their_texts.push_back(texts[i]);
    const auto lease = manager.acquire({.timeout = common.timeout, .stop = context.interrupt.token()});
    const auto embeddings = manager.embed(their_texts, *lease, options);
    for (std::size_t i = 0; i < some.size(); ++i) store(some[i], embeddings[i]);
    progress.advance(some.size());
  };
  parallel_for((rows.size() + batch - 1) / batch, manager.pool_size(), context.interrupt.token(), embed_batch);
  if (context.interrupt.triggered()) throw Cancelled("interrupted while the passages were embedded");
}

void SearchIndex::store(std::size_t i, std::span<const float> embedding) {
  const auto length = std::max(length_of(embedding), 1e-12F);
  std::transform(embedding.begin(), embedding.end(), row(i).begin(), [&](float x) { return x / length; });
}

std::vector<SearchIndex::Hit> SearchIndex::find(std::span<const float> query, std::size_t top_k) const {
  const auto length = std::max(length_of(query), 1e-12F);
  std::vector<Hit> hits(passages_.size());
  for (std::size_t i = 0; i < hits.size(); ++i) {
    const auto* row = vectors_.data() + rows_[i] * dimension_;
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
