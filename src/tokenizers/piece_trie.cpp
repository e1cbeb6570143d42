// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/piece_trie.hpp"

#include <algorithm>

namespace modelpool::tokenizers {
namespace {

constexpr std::uint32_t kBlock = 256;

struct Key {
  std::uint64_t front;  // the first bytes, the first in the highest place: decides most comparisons
  std::string_view piece;
  std::uint32_t id;
};

Key key_of(std::string_view piece, std::size_t id) {
  std::uint64_t front = 0;
  for (std::size_t i = 0; i < sizeof front; ++i)
    front = front << 8U | (i < piece.size() ? static_cast<unsigned char>(piece[i]) : 0U);
  return {front, piece, static_cast<std::uint32_t>(id)};
}

bool before(const Key& a, const Key& b) {
  if (a.front != b.front) return a.front < b.front;
  const int order = a.piece.compare(b.piece);
  return order != 0 ? order < 0 : a.id < b.id;
}

std::vector<Key> sorted_keys(const VocabularyEntries& pieces) {
  std::vector<Key> keys;
  keys.reserve(pieces.size());
  for (std::size_t id = 0; id < pieces.size(); ++id)
    if (!pieces.token(id).empty()) keys.push_back(key_of(pieces.token(id), id));
  std::sort(keys.begin(), keys.end(), before);
  return keys;
}

}  // namespace

/// Places the nodes, whose children must all fall on free units. Free units of the last blocks are kept in a ring;
/// earlier blocks are full enough to be left.
class PieceTrie::Builder {
 public:
  Builder(std::vector<Unit>& units, std::vector<Key> keys) : units_(units), keys_(std::move(keys)) {}

  void run() {
    add_block();
    take(0);
    units_[0].id_and_label = kFree;  // no byte leads to the root
    std::vector<Node> open{{0, 0, keys_.size(), 0}};
    while (!open.empty()) {
      const Node node = open.back();
      open.pop_back();
      place_children(node, open);
    }
  }

 private:
  /// The keys [begin, end) have their first `depth` bytes in common, which lead to the unit.
  struct Node {
    std::uint32_t unit;
    std::size_t begin;
    std::size_t end;
    std::size_t depth;
  };
  struct Links {
    std::uint32_t next;
    std::uint32_t previous;
  };

  void place_children(Node node, std::vector<Node>& open) {
    for (; node.begin < node.end && keys_[node.begin].piece.size() == node.depth; ++node.begin)
      set_id(node.unit, keys_[node.begin].id);
    if (node.begin == node.end) return;
    labels_.clear();
    const std::size_t first = open.size();
    for (std::size_t i = node.begin; i < node.end; ++i) {
      const auto label = static_cast<unsigned char>(keys_[i].piece[node.depth]);
      if (labels_.empty() || labels_.back() != label) {
        labels_.push_back(label);
        open.push_back({0, i, i, node.depth + 1});
      }
      open.back().end = i + 1;
    }
    const std::uint32_t base = find_base();
    used_bases_[base] = true;
    units_[node.unit].base = base;
    for (std::size_t i = 0; i < labels_.size(); ++i) {
      const std::uint32_t unit = base ^ labels_[i];
      take(unit);
      units_[unit].id_and_label = labels_[i];
      open[first + i].unit = unit;
    }
  }

  void set_id(std::uint32_t unit, std::uint32_t id) {
    std::uint32_t& value = units_[unit].id_and_label;
    value = (value & kLabelMask) | (id + 1) << kLabelBits;
  }

  [[nodiscard]] bool is_free(std::uint32_t unit) const { return links_[unit].next != kTaken; }

  // A base that no other node has, with a free unit for each of labels_.
  std::uint32_t find_base() {
    if (head_ != kTaken) {
      std::uint32_t unit = head_;
      do {
        const std::uint32_t base = unit ^ labels_.front();
        const auto fits = [&](unsigned char label) { return is_free(base ^ label); };
        if (!used_bases_[base] && std::all_of(labels_.begin(), labels_.end(), fits)) return base;
        unit = links_[unit].next;
      } while (unit != head_);
    }
    const auto base = static_cast<std::uint32_t>(units_.size());
    add_block();
    return base;
  }

  void add_block() {
    constexpr std::uint32_t kOpenBlocks = 16;
    const auto begin = static_cast<std::uint32_t>(units_.size());
    units_.resize(begin + kBlock);
    used_bases_.resize(begin + kBlock);
    links_.resize(begin + kBlock);
    if (begin == 0) used_bases_[0] = true;  // of nodes without children
    for (std::uint32_t unit = begin; unit < begin + kBlock; ++unit) put_last(unit);
    if (begin < kOpenBlocks * kBlock) return;
    const std::uint32_t old = begin - kOpenBlocks * kBlock;
    for (std::uint32_t unit = old; unit < old + kBlock; ++unit)
      if (is_free(unit)) take(unit);
  }

  void put_last(std::uint32_t unit) {
    if (head_ == kTaken) {
      head_ = unit;
      links_[unit] = {unit, unit};
      return;
    }
    const std::uint32_t last = links_[head_].previous;
    links_[unit] = {head_, last};
    links_[last].next = unit;
    links_[head_].previous = unit;
  }

  void take(std::uint32_t unit) {
    const Links links = links_[unit];
    links_[links.previous].next = links.next;
    links_[links.next].previous = links.previous;
    if (head_ == unit) head_ = links.next == unit ? kTaken : links.next;
    links_[unit] = {kTaken, kTaken};
  }

  static constexpr std::uint32_t kTaken = 0xFFFFFFFF;
  std::vector<Unit>& units_;
  std::vector<Key> keys_;
  std::vector<bool> used_bases_;
  std::vector<Links> links_;  // of the ring of free units
  std::uint32_t head_ = kTaken;
  std::vector<unsigned char> labels_;  // of the children that are being placed, ascending
};

PieceTrie::PieceTrie(const VocabularyEntries& pieces) { Builder(units_, sorted_keys(pieces)).run(); }

std::optional<std::int32_t> PieceTrie::find(std::string_view piece) const noexcept {
  std::optional<std::int32_t> result;
  each_prefix(piece, 0, [&](std::size_t end, std::int32_t id) {
    if (end == piece.size()) result = id;
  });
  return result;
}

}  // namespace modelpool::tokenizers
