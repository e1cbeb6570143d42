// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/merges.hpp"

#include <algorithm>
#include <array>
#include <queue>

namespace modelpool::tokenizers {
namespace {

// Up to here the lowest rank is found faster by looking at all than by a heap.
constexpr std::size_t kFew = 48;

// A merge that may be made. Entries are not taken out when a neighbour makes them impossible, but skipped.
struct Candidate {
  std::uint32_t rank;
  std::uint32_t at;
  std::int32_t id;
  [[nodiscard]] bool operator>(const Candidate& other) const noexcept {
    return rank != other.rank ? rank > other.rank : at > other.at;
  }
};

/// A word as a list of symbols that know their neighbours; a symbol of length 0 was merged into the one before it.
class LinkedSymbols {
 public:
  LinkedSymbols(const MergeTable& table, std::span<Symbol> symbols)
      : table_(table), symbols_(symbols), previous_(symbols.size()), next_(symbols.size()) {
    for (std::uint32_t i = 0; i < symbols.size(); ++i) {
      previous_[i] = i - 1;
      next_[i] = i + 1;
    }
    for (std::uint32_t i = 0; i + 1 < symbols.size(); ++i) push(i);
  }

  void run() {
    while (!queue_.empty()) {
      const Candidate top = queue_.top();
      queue_.pop();
      if (is_current(top)) merge(top);
    }
  }

 private:
  void push(std::uint32_t at) {
    const auto merge = table_.find(symbols_[at].id, symbols_[next_[at]].id);
    if (merge.exists()) queue_.push({merge.rank, at, merge.id});
  }

  [[nodiscard]] bool is_current(const Candidate& candidate) const {
    const std::uint32_t next = next_[candidate.at];
    if (symbols_[candidate.at].length == 0 || next >= symbols_.size()) return false;
    const auto merge = table_.find(symbols_[candidate.at].id, symbols_[next].id);
    return merge.exists() && merge.id == candidate.id;
  }

  void merge(const Candidate& candidate) {
    const std::uint32_t at = candidate.at;
    const std::uint32_t right = next_[at];
    symbols_[at] = {candidate.id, symbols_[at].length + symbols_[right].length};
    symbols_[right].length = 0;
    next_[at] = next_[right];
    if (next_[at] < symbols_.size()) previous_[next_[at]] = at;
    if (previous_[at] < symbols_.size()) push(previous_[at]);
    if (next_[at] < symbols_.size()) push(at);
  }

  const MergeTable& table_;
  std::span<Symbol> symbols_;
  std::vector<std::uint32_t> previous_;  // beyond the end where there is none
  std::vector<std::uint32_t> next_;
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue_;
};

}  // namespace

void MergeTable::insert(std::int32_t left, std::int32_t right, Merge merge) noexcept {
  const std::uint64_t key = key_of(left, right);
  slots_[slot_of(key)] = {key, merge};
}

void MergeTable::merge_all(std::vector<Symbol>& symbols) const {
  if (symbols.size() < 2) return;
  if (symbols.size() <= kFew) return merge_few(symbols);
  merge_many(symbols);
}

void MergeTable::merge_few(std::vector<Symbol>& symbols) const {
  std::array<Merge, kFew> merges;  // of each symbol with the one behind it
  std::size_t pairs = symbols.size() - 1;
  for (std::size_t i = 0; i < pairs; ++i) merges[i] = find(symbols[i].id, symbols[i + 1].id);
  while (pairs > 0) {
    std::size_t best = 0;
    for (std::size_t i = 1; i < pairs; ++i)
      if (merges[i].rank < merges[best].rank) best = i;
    if (!merges[best].exists()) break;
    symbols[best] = {merges[best].id, symbols[best].length + symbols[best + 1].length};
    std::copy(symbols.begin() + static_cast<std::ptrdiff_t>(best) + 2,
              symbols.begin() + static_cast<std::ptrdiff_t>(pairs) + 1,
              symbols.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    for (std::size_t i = best + 1; i < pairs; ++i) merges[i - 1] = merges[i];
    --pairs;
    if (best > 0) merges[best - 1] = find(symbols[best - 1].id, symbols[best].id);
    if (best < pairs) merges[best] = find(symbols[best].id, symbols[best + 1].id);
  }
  symbols.resize(pairs + 1);
}

void MergeTable::merge_many(std::vector<Symbol>& symbols) const {
  LinkedSymbols(*this, symbols).run();
  std::erase_if(symbols, [](const Symbol& symbol) { return symbol.length == 0; });
}

}  // namespace modelpool::tokenizers
