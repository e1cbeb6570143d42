// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "cli/command_context.hpp"
#include "cli/passage_cache.hpp"
#include "cli/passages.hpp"
#include "modelpool/managers/embedding.hpp"

namespace modelpool::cli {

/// Passages and their embeddings.
///
/// Thread safety: const members, any number of threads.
class SearchIndex {
 public:
  /// Embeds the passages that are not in the cache: several threads, each with a lease on an instance of its own for one
  /// batch at a time. Passages of one text are embedded once. The cache, if there is one, then gets what it lacks.
  /// @throws Cancelled after an interruption, and what the manager throws
  SearchIndex(EmbeddingManager& manager, std::vector<Passage> passages, const PassageCache* cache,
              const CommandContext& context);

  struct Hit {
    std::size_t passage;
    float score;  ///< cosine of question and passage
  };
  /// The best `top_k` passages, best first; of equal ones, the one that comes first in its file.
  [[nodiscard]] std::vector<Hit> find(std::span<const float> query, std::size_t top_k) const;
  [[nodiscard]] const Passage& passage(std::size_t i) const noexcept { return passages_[i]; }
  [[nodiscard]] std::size_t size() const noexcept { return passages_.size(); }

 private:
  /// @return the rows that are not there
  std::vector<std::size_t> take_from(const PassageCache* cache, std::span<const PassageKey> keys, Log& log);
  void embed(EmbeddingManager& manager, const std::vector<std::string>& texts, std::vector<std::size_t> rows,
             const CommandContext& context);
  void store(std::size_t i, std::span<const float> embedding);
  [[nodiscard]] std::span<float> row(std::size_t i) noexcept {
    return std::span{vectors_}.subspan(i * dimension_, dimension_);
  }

  std::vector<Passage> passages_;
  std::size_t dimension_ = 0;
  std::vector<std::size_t> rows_;  // (passages): in vectors_, the same for the same text
  std::vector<float> vectors_;     // (rows, dimension), of unit length
};

}  // namespace modelpool::cli
