// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "cli/command_context.hpp"
#include "cli/passages.hpp"
#include "modelpool/managers/embedding.hpp"

namespace modelpool::cli {

/// Passages and their embeddings.
///
/// Thread safety: const members, any number of threads.
class SearchIndex {
 public:
  /// Embeds the passages: several threads, each with a lease on an instance of its own for one batch at a time.
  /// @throws Cancelled after an interruption, and what the manager throws
  SearchIndex(EmbeddingManager& manager, std::vector<Passage> passages, const CommandContext& context);

  struct Hit {
    std::size_t passage;
    float score;  ///< cosine of question and passage
  };
  /// The best `top_k` passages, best first; of equal ones, the one that comes first in its file.
  [[nodiscard]] std::vector<Hit> find(std::span<const float> query, std::size_t top_k) const;
  [[nodiscard]] const Passage& passage(std::size_t i) const noexcept { return passages_[i]; }
  [[nodiscard]] std::size_t size() const noexcept { return passages_.size(); }

 private:
  void store(std::size_t passage, std::span<const float> embedding);

  std::vector<Passage> passages_;
  std::size_t dimension_ = 0;
  std::vector<float> vectors_;  // (passages, dimension), of unit length
};

}  // namespace modelpool::cli
