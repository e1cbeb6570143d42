// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tokenizers/components.hpp"

namespace modelpool::tokenizers {

/// White space at the ends of a token's string, and the character that spells a space in byte-level tokens.
[[nodiscard]] Sequence::Spaces spaces_of(std::string_view token) noexcept;

/// Post-processors that take the spaces at the ends of tokens out of their offsets, before special tokens are added.
/// Source: tokenizers, processors/roberta.rs and pre_tokenizers/byte_level.rs.
class OffsetTrimming final : public PostProcessor {
 public:
  struct Options {
    bool add_prefix_space = true;  ///< one space before the first token was not in the text
    bool after_special = false;    ///< the first token's place is taken by a special one
  };
  /// @param steps   applied in order
  /// @param layout  adds the special tokens; never null
  OffsetTrimming(std::vector<Options> steps, std::unique_ptr<const PostProcessor> layout);
  [[nodiscard]] std::size_t num_special_tokens(bool pair) const noexcept override;
  [[nodiscard]] bool trims_offsets() const noexcept override { return true; }
  [[nodiscard]] Encoding process(std::span<Sequence> sequences, bool add_special_tokens) const override;

 private:
  std::vector<Options> steps_;
  std::unique_ptr<const PostProcessor> layout_;
};

/// <s> A </s>, and for a pair <s> A </s></s> B </s>, all of type 0, with trimming as a RoBERTa tokenizer does it.
[[nodiscard]] std::unique_ptr<const PostProcessor> make_roberta(std::int32_t cls_id, std::int32_t sep_id,
                                                                bool trim_offsets, bool add_prefix_space);

}  // namespace modelpool::tokenizers
