// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/utf8.hpp"
#include "tokenizers/text.hpp"

namespace modelpool::tokenizers {

/// Writes a new text over an old one character by character, and gives each the origin that `tokenizers` gives it.
/// Source: tokenizers, tokenizer/normalizer.rs, transform.
class Transform {
 public:
  explicit Transform(Text& text) : text_(text) { text_.start_rewrite(); }

  /// @param change  0: the character replaces the next old one; 1: it is new, and comes from where the one before it
  ///                does; less: it replaces the next one, and so many more old ones are gone
  void write(char32_t code, int change) {
    if (text_.with_origins()) return write_with_origin(code, change);
    text_.append(code, {});
  }

  /// So many old characters are gone before the next.
  void skip(std::size_t characters) {
    const std::string_view old = text_.view();
    for (; characters > 0 && at_ < old.size(); --characters) (void)utf8::next(old, at_);
  }

  void finish() { text_.finish_rewrite(); }

 private:
  void write_with_origin(char32_t code, int change) {
    const std::size_t size = text_.view().size();
    if (change > 0) return text_.append(code, at_ == 0 ? Origin{} : text_.origin(at_ - 1));
    text_.append(code, at_ < size ? text_.origin(at_) : Origin{});
    skip(1 + static_cast<std::size_t>(-change));
  }

  Text& text_;
  std::size_t at_ = 0;  // of the next old character
};

/// Calls `each(code)` for every character.
template <class Each>
void for_each_character(std::string_view text, Each each) {
  for (std::size_t at = 0; at < text.size();) each(utf8::next(text, at));
}

}  // namespace modelpool::tokenizers
