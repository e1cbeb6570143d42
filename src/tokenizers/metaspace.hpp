// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "tokenizers/components.hpp"

namespace modelpool::tokenizers {

class JsonNode;

/// Which words get the mark of a space at their front, though the text has none there.
enum class PrependScheme { always, never, first };  // first: only at the start of the user's text

/// Field names are the keys of tokenizer.json.
struct MetaspaceOptions {
  std::string replacement = "\u2581";  ///< one character
  PrependScheme prepend_scheme = PrependScheme::always;
  bool split = true;  ///< a new word starts at each replacement
};

/// @param node  a pre-tokenizer or decoder of type Metaspace; older files have `add_prefix_space` instead of a scheme
[[nodiscard]] MetaspaceOptions read_metaspace(const JsonNode& node);

/// Makes each space a visible character, which the tokens keep, as SentencePiece does.
/// Source: tokenizers, pre_tokenizers/metaspace.rs.
class MetaspacePreTokenizer final : public PreTokenizer {
 public:
  explicit MetaspacePreTokenizer(MetaspaceOptions options);
  void split(Text& text, std::vector<Range>& words) const override;
  [[nodiscard]] bool needs_origins() const noexcept override;

 private:
  class Rewrite;
  MetaspaceOptions options_;
};

/// Turns the visible character back into spaces; those of the first token go unless nothing was prepended.
class MetaspaceDecoder final : public Decoder {
 public:
  explicit MetaspaceDecoder(MetaspaceOptions options);
  [[nodiscard]] std::vector<std::string> decode(std::span<const std::string_view> tokens) const override;

 private:
  MetaspaceOptions options_;
};

}  // namespace modelpool::tokenizers
