// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/added_vocabulary.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/utf8.hpp"
#include "tokenizers/unicode/unicode.hpp"

namespace modelpool::tokenizers {
namespace {

bool has(char32_t code, unicode::Flag flag) { return (unicode::record(code).flags & flag) != 0; }

bool word_before(std::string_view text, std::size_t at) {
  return at > 0 && has(utf8::previous(text, at), unicode::kWord);
}

bool word_after(std::string_view text, std::size_t at) {
  return at < text.size() && has(utf8::next(text, at), unicode::kWord);
}

std::size_t skip_space_before(std::string_view text, std::size_t at) {
  for (std::size_t start = at; start > 0; at = start)
    if (!has(utf8::previous(text, start), unicode::kWhiteSpace)) return at;
  return at;
}

std::size_t skip_space_after(std::string_view text, std::size_t at) {
  for (std::size_t end = at; end < text.size(); at = end)
    if (!has(utf8::next(text, end), unicode::kWhiteSpace)) return at;
  return at;
}

Range range(std::size_t begin, std::size_t end) {
  return {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)};
}

std::string normalized_content(const AddedToken& token, const Normalizer* normalizer) {
  if (!token.normalized || normalizer == nullptr) return token.content;
  Text text;
  text.assign(token.content, 0, false);
  normalizer->normalize(text);
  return std::string(text.view());
}

}  // namespace

PhraseFinder::PhraseFinder(std::vector<Phrase> phrases) : phrases_(std::move(phrases)) {
  const auto before = [](const Phrase& a, const Phrase& b) {
    return std::tie(a.content, a.id) < std::tie(b.content, b.id);
  };
  const auto equal = [](const Phrase& a, const Phrase& b) { return a.content == b.content; };
  std::sort(phrases_.begin(), phrases_.end(), before);
  phrases_.erase(std::unique(phrases_.begin(), phrases_.end(), equal), phrases_.end());
  for (const auto& phrase : phrases_) starts_[static_cast<unsigned char>(phrase.content.front())] = true;
}

std::optional<PhraseFinder::Match> PhraseFinder::find(std::string_view text, std::size_t from) const noexcept {
  for (std::size_t at = from; at < text.size(); ++at) {
    if (!starts_[static_cast<unsigned char>(text[at])]) continue;
    if (const auto match = longest_at(text, at)) return match;
  }
  return std::nullopt;
}

// Narrows the sorted phrases byte by byte to those that the text goes on with.
std::optional<PhraseFinder::Match> PhraseFinder::longest_at(std::string_view text, std::size_t at) const noexcept {
  auto first = phrases_.begin();
  auto last = phrases_.end();
  std::optional<Match> longest;
  for (std::size_t depth = 0; first != last && at + depth < text.size(); ++depth) {
    const auto wanted = static_cast<unsigned char>(text[at + depth]);
    const auto byte = [depth](const Phrase& phrase) { return static_cast<unsigned char>(phrase.content[depth]); };
    first = std::partition_point(first, last, [&](const Phrase& phrase) { return byte(phrase) < wanted; });
    last = std::partition_point(first, last, [&](const Phrase& phrase) { return byte(phrase) == wanted; });
    if (first == last || first->content.size() != depth + 1) continue;
    longest = Match{first->id, range(at, at + depth + 1)};
    ++first;
  }
  return longest;
}

void AddedVocabulary::add(const std::vector<AddedToken>& tokens, const Model& model, const Normalizer* normalizer) {
  auto next_id = static_cast<std::int32_t>(model.size());
  for (const auto& [id, entry] : entries_) next_id = std::max(next_id, id + 1);
  for (const auto& token : tokens) {
    if (token.content.empty()) continue;
    const auto known = token_to_id(token.content);
    const auto id = known ? known : model.token_to_id(token.content);
    add_one(token, id ? *id : next_id++, normalizer);
  }
  rebuild_finders();
}

void AddedVocabulary::add_one(const AddedToken& token, std::int32_t id, const Normalizer* normalizer) {
  ids_[token.content] = id;
  if (token.special) specials_.insert(token.content);
  entries_[id] = Entry{token, normalized_content(token, normalizer)};
}

void AddedVocabulary::rebuild_finders() {
  std::vector<PhraseFinder::Phrase> raw;
  std::vector<PhraseFinder::Phrase> normalized;
  for (const auto& [id, entry] : entries_) {
    if (entry.found_by.empty()) continue;
    (entry.token.normalized ? normalized : raw).push_back({entry.found_by, id});
  }
  raw_ = PhraseFinder(std::move(raw));
  normalized_ = PhraseFinder(std::move(normalized));
}

void AddedVocabulary::split(std::string_view text, const PhraseFinder& finder, std::vector<Split>& splits) const {
  std::size_t done = 0;
  for (std::size_t from = 0; const auto match = finder.empty() ? std::nullopt : finder.find(text, from);) {
    std::size_t begin = match->range.begin;
    std::size_t end = from = match->range.end;
    const AddedToken& token = entries_.at(match->id).token;
    if (token.single_word && (word_before(text, begin) || word_after(text, end))) continue;
    if (token.lstrip) begin = std::max(skip_space_before(text, begin), done);
    if (token.rstrip) end = skip_space_after(text, end);
    if (done < begin) splits.push_back({std::nullopt, range(done, begin)});
    splits.push_back({match->id, range(begin, end)});
    done = end;
  }
  if (done != text.size()) splits.push_back({std::nullopt, range(done, text.size())});
}

std::optional<std::int32_t> AddedVocabulary::token_to_id(std::string_view token) const noexcept {
  const auto found = ids_.find(token);
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::string_view> AddedVocabulary::id_to_token(std::int32_t id) const noexcept {
  const auto found = entries_.find(id);
  return found == entries_.end() ? std::nullopt : std::optional<std::string_view>(found->second.found_by);
}

std::optional<std::int32_t> AddedVocabulary::empty_token() const noexcept {
  for (const auto& [id, entry] : entries_)
    if (entry.found_by.empty()) return id;
  return std::nullopt;
}

std::size_t AddedVocabulary::size_beyond(const Model& model) const noexcept {
  return static_cast<std::size_t>(std::count_if(
      ids_.begin(), ids_.end(), [&](const auto& token_and_id) { return !model.token_to_id(token_and_id.first); }));
}

}  // namespace modelpool::tokenizers
