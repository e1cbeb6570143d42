// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/word_piece.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/escape.hpp"
#include "base/utf8.hpp"
#include "modelpool/error.hpp"

namespace modelpool::tokenizers {
namespace {

bool starts_code_point(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; }

std::int32_t unknown_id(const Vocabulary& vocabulary, const std::string& token, const std::string& file,
                        const std::string& item) {
  if (const auto id = vocabulary.table().find(token)) return *id;
  throw LoadError{file, item, std::nullopt,
                  fmt::format("has no unknown token \"{}\", which WordPiece needs", escaped(token))};
}

}  // namespace

WordPiece::WordPiece(VocabularyEntries entries, const WordPieceOptions& options, const std::string& file,
                     const std::string& item)
    : vocabulary_(std::move(entries), file, item),
      continuations_(vocabulary_.table().size()),
      max_input_chars_per_word_(options.max_input_chars_per_word),
      unk_id_(unknown_id(vocabulary_, options.unk_token, file, item)) {
  const std::string_view prefix = options.continuing_subword_prefix;
  for (std::size_t id = 0; id < vocabulary_.id_end(); ++id) {
    const auto token = vocabulary_.token(static_cast<std::int32_t>(id));
    if (token && token->starts_with(prefix))
      (void)continuations_.insert(token->substr(prefix.size()), static_cast<std::int32_t>(id));
  }
}

void WordPiece::tokenize(const Text& input, std::span<const Range> words, std::vector<Token>& tokens) const {
  const std::string_view text = input.view();
  for (const Range word : words) {
    const std::string_view bytes = text.substr(word.begin, word.end - word.begin);
    const std::size_t before = tokens.size();
    if (!too_long(bytes) && cut(text, word, tokens)) continue;
    tokens.resize(before);
    tokens.push_back({unk_id_, word});
  }
}

bool WordPiece::too_long(std::string_view word) const noexcept {
  return word.size() > max_input_chars_per_word_ && utf8::length(word) > max_input_chars_per_word_;
}

bool WordPiece::cut(std::string_view text, Range word, std::vector<Token>& tokens) const {
  const StringTable* table = &vocabulary_.table();
  for (std::uint32_t begin = word.begin; begin < word.end; table = &continuations_) {
    const auto match = longest_match(*table, text.substr(begin, word.end - begin));
    if (!match) return false;
    tokens.push_back({match->id, {begin, begin + match->length}});
    begin += match->length;
  }
  return true;
}

// Most words are in the vocabulary, so the whole rest is looked up first; the hashes of its prefixes are by-products.
std::optional<WordPiece::Match> WordPiece::longest_match(const StringTable& table, std::string_view rest) {
  const std::size_t longest = std::min(rest.size(), table.longest());
  std::array<std::uint32_t, 128> few;  // enough for every usual token; no allocation
  std::vector<std::uint32_t> many(longest > few.size() ? longest : 0);
  const std::span<std::uint32_t> hash_of = many.empty() ? std::span(few) : std::span(many);  // of length - 1
  PrefixHash hash;
  for (std::size_t i = 0; i < longest; ++i) {
    hash.add(rest[i]);
    hash_of[i] = hash.value();
  }
  for (std::size_t length = longest; length > 0; --length) {
    if (length < rest.size() && !starts_code_point(rest[length])) continue;
    if (const auto id = table.find(rest.substr(0, length), hash_of[length - 1]))
      return Match{*id, static_cast<std::uint32_t>(length)};
  }
  return std::nullopt;
}

std::optional<std::int32_t> WordPiece::token_to_id(std::string_view token) const noexcept {
  return vocabulary_.table().find(token);
}

std::optional<std::string_view> WordPiece::id_to_token(std::int32_t id) const noexcept { return vocabulary_.token(id); }

}  // namespace modelpool::tokenizers
