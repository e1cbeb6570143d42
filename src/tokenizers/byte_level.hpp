// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <string>

#include "tokenizers/components.hpp"

namespace modelpool::tokenizers {

/// Byte-level tokenizers spell text as visible characters, one for each byte: printable bytes of Latin-1 stand for
/// themselves, the others for U+0100 and up. Source: GPT-2's encoder.py; tokenizers, pre_tokenizers/byte_level.rs.
[[nodiscard]] char32_t byte_character(unsigned char byte) noexcept;
[[nodiscard]] std::optional<unsigned char> character_byte(char32_t code) noexcept;
/// The bytes that a token spells; nullopt if it has another character.
[[nodiscard]] std::optional<std::string> spelled_bytes(std::string_view token);

/// Spells a text out. @param words  places in it, which become places in the new one
void spell_bytes(Text& text, std::vector<Range>& words);

/// Splits by GPT-2's pattern, and leaves a text that is spelled as above (Text::spelled).
class ByteLevelPreTokenizer final : public PreTokenizer {
 public:
  /// @param add_prefix_space  put a space before each piece that has none
  ByteLevelPreTokenizer(bool add_prefix_space, bool use_regex)
      : add_prefix_space_(add_prefix_space), use_regex_(use_regex) {}
  void split(Text& text, std::vector<Range>& words) const override;

 private:
  bool add_prefix_space_;
  bool use_regex_;
};

class ByteLevelNormalizer final : public Normalizer {
 public:
  void normalize(Text& text) const override;
};

/// Joins tokens to bytes, and replaces what is not UTF-8 by U+FFFD. A token with a character that spells no byte stands
/// for itself.
class ByteLevelDecoder final : public Decoder {
 public:
  [[nodiscard]] std::vector<std::string> decode(std::span<const std::string_view> tokens) const override;
};

}  // namespace modelpool::tokenizers
