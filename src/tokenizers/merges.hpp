// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace modelpool::tokenizers {

/// The merges of a byte-pair model in the order of their file. Strings lie in one block.
class MergeEntries {
 public:
  void add(std::string_view left, std::string_view right) {
    bytes_.append(left).append(right);
    entries_.push_back({bytes_.size() - left.size() - right.size(), left.size(), right.size()});
  }
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  [[nodiscard]] std::string_view left(std::size_t i) const noexcept {
    return std::string_view(bytes_).substr(entries_[i].offset, entries_[i].left);
  }
  [[nodiscard]] std::string_view right(std::size_t i) const noexcept {
    return std::string_view(bytes_).substr(entries_[i].offset + entries_[i].left, entries_[i].right);
  }

 private:
  struct Entry {
    std::size_t offset;
    std::size_t left;
    std::size_t right;
  };
  std::string bytes_;
  std::vector<Entry> entries_;
};

/// A token within a word, before or after merging. Its length is in bytes of the text.
struct Symbol {
  std::int32_t id = 0;
  std::uint32_t length = 0;
};

/// Pairs of tokens to what they merge into, by open addressing.
class MergeTable {
 public:
  struct Merge {
    std::uint32_t rank = kNone;  ///< the lowest merges first
    std::int32_t id = 0;
    [[nodiscard]] bool exists() const noexcept { return rank != kNone; }
  };
  static constexpr std::uint32_t kNone = UINT32_MAX;

  /// @param most  number of pairs that will be inserted, at most
  explicit MergeTable(std::size_t most) : slots_(std::bit_ceil(2 * most + 2)) {}

  /// A later equal pair replaces the earlier.
  void insert(std::int32_t left, std::int32_t right, Merge merge) noexcept;
  [[nodiscard]] Merge find(std::int32_t left, std::int32_t right) const noexcept {
    return slots_[slot_of(key_of(left, right))].merge;
  }

  /// Merges neighbours until no pair is in the table: always the one of the lowest rank, the leftmost of equals.
  void merge_all(std::vector<Symbol>& symbols) const;

 private:
  struct Slot {
    std::uint64_t key = kEmpty;
    Merge merge;
  };
  static constexpr std::uint64_t kEmpty = UINT64_MAX;  // ids are not negative

  [[nodiscard]] static std::uint64_t key_of(std::int32_t left, std::int32_t right) noexcept {
    return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32U | static_cast<std::uint32_t>(right);
  }
  [[nodiscard]] std::size_t slot_of(std::uint64_t key) const noexcept {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = (key * 0x9E3779B97F4A7C15U >> 29U) & mask;
    while (slots_[at].key != key && slots_[at].key != kEmpty) at = (at + 1) & mask;
    return at;
  }
  void merge_few(std::vector<Symbol>& symbols) const;
  void merge_many(std::vector<Symbol>& symbols) const;

  std::vector<Slot> slots_;
};

}  // namespace modelpool::tokenizers
