// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>

#include "tokenizers/components.hpp"

namespace modelpool::tokenizers {

/// The rules by which a SentencePiece model rewrites characters, in its binary form: the size of a double-array trie in
/// bytes (32 bits, little endian), the trie, and the replacements, each ended by a NUL.
/// Source: sentencepiece, src/normalizer.cc; Darts-clone's units.
class Charsmap {
 public:
  /// @param file  with `item` its place in errors
  /// @throws LoadError  where sizes do not fit or the replacements are not UTF-8
  Charsmap(std::string_view bytes, const std::string& file, const std::string& item);

  /// What the shortest rule that is the beginning of `chunk` says; nullopt where no rule is.
  /// @param chunk  not empty
  [[nodiscard]] std::optional<std::string_view> replacement(std::string_view chunk) const noexcept;

 private:
  [[nodiscard]] std::uint32_t unit(std::size_t at) const noexcept { return at < units_.size() ? units_[at] : 0; }
  std::vector<std::uint32_t> units_;
  std::string replacements_;
};

/// The normalizer of SentencePiece models as `tokenizers` applies it, which is not as SentencePiece does: a grapheme
/// cluster of at most five bytes is replaced as a whole by the first rule for its beginning; else its characters are
/// looked up one by one. Source: tokenizers, normalizers/precompiled.rs.
class Precompiled final : public Normalizer {
 public:
  explicit Precompiled(Charsmap charsmap);
  void normalize(Text& text) const override;

 private:
  class Rewrite;
  Charsmap charsmap_;
  std::array<bool, 256> plain_;  // bytes that are ASCII characters without a rule
};

class JsonNode;

/// The bytes of a map of characters, which a tokenizer.json has in base 64.
[[nodiscard]] std::string read_charsmap(const JsonNode& node);

}  // namespace modelpool::tokenizers
