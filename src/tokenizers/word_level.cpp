// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/word_level.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/escape.hpp"
#include "modelpool/error.hpp"

namespace modelpool::tokenizers {

WordLevel::WordLevel(VocabularyEntries entries, std::string unk_token, const std::string& file, const std::string& item)
    : vocabulary_(std::move(entries), file, item),
      unk_token_(std::move(unk_token)),
      unk_id_(vocabulary_.table().find(unk_token_)) {}

void WordLevel::tokenize(const Text& text, std::span<const Range> words, std::vector<Token>& tokens) const {
  for (const Range word : words) {
    const std::string_view string = text.view().substr(word.begin, word.end - word.begin);
    auto id = vocabulary_.table().find(string);
    if (!id) id = unk_id_;
    if (!id)
      throw InvalidInput(
          fmt::format("the vocabulary has neither \"{}\" nor an unknown token \"{}\"; use words of the vocabulary only",
                      escaped(string), escaped(unk_token_)));
    tokens.push_back({*id, word});
  }
}

std::optional<std::int32_t> WordLevel::token_to_id(std::string_view token) const noexcept {
  return vocabulary_.table().find(token);
}

std::optional<std::string_view> WordLevel::id_to_token(std::int32_t id) const noexcept { return vocabulary_.token(id); }

}  // namespace modelpool::tokenizers
