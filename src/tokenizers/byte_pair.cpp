// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/byte_pair.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "base/escape.hpp"
#include "base/utf8.hpp"
#include "modelpool/error.hpp"
#include "tokenizers/byte_level.hpp"

namespace modelpool::tokenizers {
namespace {

std::string as_string(char32_t code) {
  std::string result;
  utf8::append(result, code);
  return result;
}

}  // namespace

/// The symbols of a word before merging: one for each character, or for what an unknown one becomes.
class BytePair::Symbols {
 public:
  Symbols(const BytePair& model, std::vector<Symbol>& symbols) : model_(model), symbols_(symbols) { symbols_.clear(); }

  void add_bytes(std::string_view word) {
    for (const char c : word) {
      const std::int32_t id = model_.byte_ids_[static_cast<unsigned char>(c)];
      if (id >= 0)
        known(id, 1);
      else
        unknown(1);
    }
    flush();
  }

  void add_characters(std::string_view word) {
    const auto& options = model_.options_;
    for (std::size_t at = 0; at < word.size();) {
      const std::size_t begin = at;
      (void)utf8::next(word, at);
      std::string_view character = word.substr(begin, at - begin);
      const bool affixed = (begin > 0 && !options.continuing_subword_prefix.empty()) ||
                           (at == word.size() && !options.end_of_word_suffix.empty());
      if (affixed) {
        affixed_.assign(begin > 0 ? options.continuing_subword_prefix : "").append(character);
        if (at == word.size()) affixed_ += options.end_of_word_suffix;
        character = affixed_;
      }
      add_character(character, static_cast<std::uint32_t>(at - begin));
    }
    flush();
  }

 private:
  void add_character(std::string_view character, std::uint32_t length) {
    if (const auto id = model_.vocabulary_.table().find(character)) return known(*id, length);
    if (!model_.options_.byte_fallback || !fall_back(character)) unknown(length);
  }

  // An unknown token that waits for others to fuse with stays behind the bytes, as it does in `tokenizers`.
  bool fall_back(std::string_view character) {
    const auto id_of = [&](char c) { return model_.fallback_ids_[static_cast<unsigned char>(c)]; };
    if (std::any_of(character.begin(), character.end(), [&](char c) { return id_of(c) < 0; })) return false;
    for (const char c : character) symbols_.push_back({id_of(c), 1});
    return true;
  }

  void known(std::int32_t id, std::uint32_t length) {
    flush();
    symbols_.push_back({id, length});
  }

  // Without an unknown token, the character is left out, and what follows takes its place.
  void unknown(std::uint32_t length) {
    if (model_.unk_id_ < 0) return;
    if (!model_.options_.fuse_unk) flush();
    unknown_length_ += length;
  }

  void flush() {
    if (unknown_length_ > 0) symbols_.push_back({model_.unk_id_, std::exchange(unknown_length_, 0U)});
  }

  const BytePair& model_;
  std::vector<Symbol>& symbols_;
  std::uint32_t unknown_length_ = 0;
  std::string affixed_;
};

BytePair::BytePair(VocabularyEntries entries, const MergeEntries& merges, BytePairOptions options, const Place& place)
    : options_(std::move(options)),
      vocabulary_(std::move(entries), place.vocab_file, place.vocab_item),
      merges_(merges.size()),
      byte_ids_(),
      fallback_ids_(),
      by_bytes_(0) {
  add_merges(merges, place);
  for (std::size_t byte = 0; byte < fallback_ids_.size(); ++byte) {
    fallback_ids_[byte] = vocabulary_.table().find(fmt::format("<0x{:02X}>", byte)).value_or(-1);
    const std::string character = as_string(byte_character(static_cast<unsigned char>(byte)));
    byte_ids_[byte] = vocabulary_.table().find(character).value_or(-1);
  }
  const bool affixes = !options_.continuing_subword_prefix.empty() || !options_.end_of_word_suffix.empty();
  reads_bytes_ = !affixes && spells_every_byte();
  if (reads_bytes_) find_byte_tokens();
  // With a token for every byte nothing is unknown, and folders name unknown tokens that are not there.
  if (options_.unk_token && (!reads_bytes_ || vocabulary_.table().find(*options_.unk_token)))
    unk_id_ = known_id(*options_.unk_token, place.vocab_file, place.vocab_item);
  if (!affixes) as_word_ = std::vector<std::atomic<AsWord>>(vocabulary_.id_end());
}

std::int32_t BytePair::known_id(std::string_view token, const std::string& file, const std::string& item) const {
  if (const auto id = vocabulary_.table().find(token)) return *id;
  throw LoadError{file, item, std::nullopt,
                  fmt::format("needs the token \"{}\", which the vocabulary does not have", escaped(token))};
}

void BytePair::add_merges(const MergeEntries& merges, const Place& place) {
  const std::size_t prefix = options_.continuing_subword_prefix.size();
  for (std::size_t i = 0; i < merges.size(); ++i) {
    const auto id_of = [&](std::string_view token) { return known_id(token, place.merges_file, place.merges_item); };
    const std::string_view right = merges.right(i);
    const std::int32_t left_id = id_of(merges.left(i));
    const std::int32_t right_id = id_of(right);
    if (right.size() < prefix)
      throw LoadError{
          place.merges_file, place.merges_item, std::nullopt,
          fmt::format("merges \"{}\", which is shorter than the continuing_subword_prefix", escaped(right))};
    const std::string merged = std::string(merges.left(i)).append(right.substr(prefix));
    merges_.insert(left_id, right_id, {static_cast<std::uint32_t>(i), id_of(merged)});
  }
}

bool BytePair::spells_every_byte() const noexcept {
  return std::all_of(byte_ids_.begin(), byte_ids_.end(), [](std::int32_t id) { return id >= 0; });
}

void BytePair::find_byte_tokens() {
  for (std::size_t id = 0; id < vocabulary_.id_end(); ++id) {
    const auto token = vocabulary_.token(static_cast<std::int32_t>(id));
    const auto bytes = token ? spelled_bytes(*token) : std::nullopt;
    if (bytes) spelled_.add(*bytes, id);
  }
  by_bytes_ = StringTable(spelled_.size());
  for (std::size_t i = 0; i < spelled_.size(); ++i)
    (void)by_bytes_.insert(spelled_.token(i), static_cast<std::int32_t>(spelled_.id(i)));
}

void BytePair::tokenize(const Text& text, std::span<const Range> words, std::vector<Token>& tokens) const {
  constexpr std::size_t kKept = std::size_t{1} << 16U;  // a huge word must not hold its buffer for ever
  static thread_local std::vector<Symbol> symbols;
  if (symbols.capacity() > kKept) std::vector<Symbol>().swap(symbols);
  const StringTable& table = text.spelled() ? by_bytes_ : vocabulary_.table();
  for (const Range word : words) {
    const std::string_view string = text.view().substr(word.begin, word.end - word.begin);
    const auto whole = string.size() <= table.longest() && (!as_word_.empty() || options_.ignore_merges)
                           ? table.find(string)
                           : std::nullopt;
    if (whole && (options_.ignore_merges ||
                  as_word_[static_cast<std::size_t>(*whole)].load(std::memory_order_relaxed) == AsWord::whole)) {
      tokens.push_back({*whole, word});
      continue;
    }
    cut(string, text, symbols);
    std::uint32_t begin = word.begin;
    for (const Symbol symbol : symbols) {
      tokens.push_back({symbol.id, {begin, begin + symbol.length}});
      begin += symbol.length;
    }
    if (whole)
      as_word_[static_cast<std::size_t>(*whole)].store(
          symbols.size() == 1 && symbols.front().id == *whole ? AsWord::whole : AsWord::cut, std::memory_order_relaxed);
  }
}

void BytePair::cut(std::string_view word, const Text& text, std::vector<Symbol>& symbols) const {
  if (text.spelled())
    Symbols(*this, symbols).add_bytes(word);
  else
    Symbols(*this, symbols).add_characters(word);
  merges_.merge_all(symbols);
}

std::optional<std::int32_t> BytePair::token_to_id(std::string_view token) const noexcept {
  return vocabulary_.table().find(token);
}

std::optional<std::string_view> BytePair::id_to_token(std::int32_t id) const noexcept { return vocabulary_.token(id); }

}  // namespace modelpool::tokenizers
