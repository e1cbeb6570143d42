// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/vocabulary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "base/escape.hpp"
#include "modelpool/error.hpp"

namespace modelpool::tokenizers {
namespace {

// Ids index arrays, so one far away from the others would cost memory without bound. Real vocabularies have few holes.
std::uint64_t id_bound(std::size_t tokens) { return 16 * static_cast<std::uint64_t>(tokens) + 65536; }

std::uint64_t checked_id_end(const VocabularyEntries& entries, const std::string& file, const std::string& item) {
  std::uint64_t end = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries.id(i) >= id_bound(entries.size()))
      throw LoadError{file, item, std::nullopt,
                      fmt::format("gives \"{}\" the id {}, far above the number of tokens ({})",
                                  escaped(entries.token(i)), entries.id(i), entries.size())};
    end = std::max(end, entries.id(i) + 1);
  }
  return end;
}

}  // namespace

StringTable::StringTable(std::size_t most) : slots_(std::bit_ceil(2 * most + 2)) { keys_.reserve(most); }

std::size_t StringTable::slot_of(std::string_view string, std::uint32_t hash) const noexcept {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  while (slots_[at].key >= 0 &&
         (slots_[at].hash != hash || keys_[static_cast<std::size_t>(slots_[at].key)].string != string))
    at = (at + 1) & mask;
  return at;
}

std::optional<std::int32_t> StringTable::insert(std::string_view string, std::int32_t id) {
  const std::uint32_t hash = PrefixHash::of(string);
  Slot& slot = slots_[slot_of(string, hash)];
  if (slot.key >= 0) {
    return std::exchange(keys_[static_cast<std::size_t>(slot.key)].id, id);
  }
  slot = {hash, static_cast<std::int32_t>(keys_.size())};
  keys_.push_back({string, id});
  longest_ = std::max(longest_, string.size());
  return std::nullopt;
}

std::optional<std::int32_t> StringTable::find(std::string_view string, std::uint32_t hash) const noexcept {
  const Slot& slot = slots_[slot_of(string, hash)];
  if (slot.key < 0) return std::nullopt;
  return keys_[static_cast<std::size_t>(slot.key)].id;
}

Vocabulary::Vocabulary(VocabularyEntries entries, const std::string& file, const std::string& item)
    : entries_(std::move(entries)), table_(entries_.size()), by_id_(checked_id_end(entries_, file, item), kNoEntry) {
  for (std::size_t i = 0; i < entries_.size(); ++i) insert(static_cast<std::int32_t>(i));
}

void Vocabulary::insert(std::int32_t entry) {
  const auto at = static_cast<std::size_t>(entry);
  const auto replaced = table_.insert(entries_.token(at), static_cast<std::int32_t>(entries_.id(at)));
  if (replaced) by_id_[static_cast<std::size_t>(*replaced)] = kNoEntry;
  by_id_[entries_.id(at)] = entry;
}

std::optional<std::string_view> Vocabulary::token(std::int32_t id) const noexcept {
  const auto at = static_cast<std::size_t>(id);
  if (id < 0 || at >= by_id_.size() || by_id_[at] == kNoEntry) return std::nullopt;
  return entries_.token(static_cast<std::size_t>(by_id_[at]));
}

}  // namespace modelpool::tokenizers
