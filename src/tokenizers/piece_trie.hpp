// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "tokenizers/vocabulary.hpp"

namespace modelpool::tokenizers {

/// Finds every piece that a text begins with, in one walk over its bytes.
///
/// A double-array trie (Aoe 1989, with exclusive or instead of addition): the child of a node for a byte lies at the
/// node's base xor the byte, and is its child if it carries that byte. One load for each byte, no comparison of strings.
class PieceTrie {
 public:
  static constexpr std::size_t kMostPieces = (std::size_t{1} << 23U) - 1;

  /// Of equal pieces the last counts; the empty piece is never found. @param pieces  at most kMostPieces
  explicit PieceTrie(const VocabularyEntries& pieces);

  /// Calls found(end, id) for each piece that is text[at, end), the shortest first.
  template <class Found>
  void each_prefix(std::string_view text, std::size_t at, Found found) const {
    const Unit* const units = units_.data();
    for (std::uint32_t base = units[0].base; at < text.size();) {
      const auto byte = static_cast<unsigned char>(text[at]);
      const Unit unit = units[base ^ byte];
      if ((unit.id_and_label & kLabelMask) != byte) return;
      ++at;
      if (unit.id_and_label > kLabelMask) found(at, static_cast<std::int32_t>((unit.id_and_label >> kLabelBits) - 1));
      base = unit.base;
    }
  }

  [[nodiscard]] std::optional<std::int32_t> find(std::string_view piece) const noexcept;

 private:
  class Builder;
  static constexpr unsigned kLabelBits = 9;
  static constexpr std::uint32_t kLabelMask = (1U << kLabelBits) - 1;
  static constexpr std::uint32_t kFree = kLabelMask;  // the label of an unused unit, no byte's

  struct Unit {
    std::uint32_t base = 0;              // of the children; 0, which no node has, where there are none
    std::uint32_t id_and_label = kFree;  // id + 1 of the piece that ends here, or 0, above the byte that leads here
  };
  std::vector<Unit> units_;
};

}  // namespace modelpool::tokenizers
