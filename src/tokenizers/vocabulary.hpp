// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace modelpool::tokenizers {

/// Hash of a string that grows by one byte at a time, so that the hashes of all prefixes of a word cost one pass.
class PrefixHash {
 public:
  void add(char byte) noexcept { state_ = (state_ ^ static_cast<unsigned char>(byte)) * 0x9E3779B97F4A7C15U; }
  [[nodiscard]] std::uint32_t value() const noexcept { return static_cast<std::uint32_t>(state_ >> 32U); }

  [[nodiscard]] static std::uint32_t of(std::string_view text) noexcept {
    PrefixHash hash;
    for (const char byte : text) hash.add(byte);
    return hash.value();
  }

 private:
  std::uint64_t state_ = 0xCBF29CE484222325U;
};

/// The entries of a vocabulary in the order of its file. Strings lie in one block, so reading makes few allocations.
class VocabularyEntries {
 public:
  void add(std::string_view token, std::uint64_t id) {
    bytes_ += token;
    entries_.push_back({bytes_.size() - token.size(), token.size(), id});
  }
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  [[nodiscard]] std::string_view token(std::size_t i) const noexcept {
    return std::string_view(bytes_).substr(entries_[i].offset, entries_[i].length);
  }
  [[nodiscard]] std::uint64_t id(std::size_t i) const noexcept { return entries_[i].id; }

 private:
  struct Entry {
    std::size_t offset;
    std::size_t length;
    std::uint64_t id;
  };
  std::string bytes_;
  std::vector<Entry> entries_;
};

/// Strings to ids, by open addressing: one cache line touched for a miss, two for a hit.
class StringTable {
 public:
  /// @param most  number of strings that will be inserted, at most
  explicit StringTable(std::size_t most);

  /// A later equal string replaces the id of the earlier. The bytes must outlive the table.
  /// @return  the id that was replaced
  std::optional<std::int32_t> insert(std::string_view string, std::int32_t id);
  [[nodiscard]] std::optional<std::int32_t> find(std::string_view string, std::uint32_t hash) const noexcept;
  [[nodiscard]] std::optional<std::int32_t> find(std::string_view string) const noexcept {
    return find(string, PrefixHash::of(string));
  }
  /// Number of distinct strings.
  [[nodiscard]] std::size_t size() const noexcept { return keys_.size(); }
  /// Length in bytes of the longest string.
  [[nodiscard]] std::size_t longest() const noexcept { return longest_; }

 private:
  struct Slot {
    std::uint32_t hash = 0;
    std::int32_t key = -1;  // index into keys_; -1: empty
  };
  struct Key {
    std::string_view string;
    std::int32_t id;
  };
  [[nodiscard]] std::size_t slot_of(std::string_view string, std::uint32_t hash) const noexcept;

  std::vector<Slot> slots_;
  std::vector<Key> keys_;
  std::size_t longest_ = 0;
};

/// A model's tokens and ids, both ways. Neither copied nor moved: the table refers to the entries.
class Vocabulary {
 public:
  /// A token that occurs twice has its last id.
  /// @throws LoadError  naming file and item, if an id is far above the number of tokens
  Vocabulary(VocabularyEntries entries, const std::string& file, const std::string& item);
  Vocabulary(const Vocabulary&) = delete;
  Vocabulary& operator=(const Vocabulary&) = delete;
  ~Vocabulary() = default;

  [[nodiscard]] const StringTable& table() const noexcept { return table_; }
  [[nodiscard]] std::optional<std::string_view> token(std::int32_t id) const noexcept;
  /// One above the largest id.
  [[nodiscard]] std::size_t id_end() const noexcept { return by_id_.size(); }

 private:
  static constexpr std::int32_t kNoEntry = -1;
  void insert(std::int32_t entry);
  VocabularyEntries entries_;
  StringTable table_;
  std::vector<std::int32_t> by_id_;  // index into entries_
};

}  // namespace modelpool::tokenizers
