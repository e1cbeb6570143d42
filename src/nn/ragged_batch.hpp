// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace modelpool::nn {

/// Sequences of a batch, their tokens behind one another: nothing is padded.
/// T: tokens of all sequences, B: sequences.
struct RaggedBatch {
  std::vector<std::int32_t> input_ids;       ///< (T)
  std::vector<std::int32_t> token_type_ids;  ///< (T), or empty: all 0
  std::vector<std::int64_t> cu_seqlens{0};   ///< (B + 1): sequence b is [cu_seqlens[b], cu_seqlens[b + 1])

  [[nodiscard]] std::int64_t num_tokens() const noexcept { return cu_seqlens.back(); }
  [[nodiscard]] std::int64_t num_sequences() const noexcept { return static_cast<std::int64_t>(cu_seqlens.size()) - 1; }
  [[nodiscard]] std::int64_t length(std::int64_t b) const noexcept {
    return cu_seqlens[static_cast<std::size_t>(b) + 1] - cu_seqlens[static_cast<std::size_t>(b)];
  }

  void append(std::span<const std::int32_t> ids) {
    input_ids.insert(input_ids.end(), ids.begin(), ids.end());
    cu_seqlens.push_back(cu_seqlens.back() + static_cast<std::int64_t>(ids.size()));
  }
  void clear() noexcept {
    input_ids.clear();
    token_type_ids.clear();
    cu_seqlens.resize(1);
  }
};

}  // namespace modelpool::nn
