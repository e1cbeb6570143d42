// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/unigram.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "modelpool/error.hpp"

namespace modelpool::tokenizers {
namespace {

constexpr std::uint32_t kNotReached = 0xFFFFFFFF;

PieceEntries checked(PieceEntries pieces, const std::string& file, const std::string& item) {
  if (pieces.tokens.size() > PieceTrie::kMostPieces)
    throw LoadError{
        file, item, std::nullopt,
        fmt::format("has {} pieces, but at most {} are possible", pieces.tokens.size(), PieceTrie::kMostPieces)};
  return pieces;
}

double unknown_score(const std::vector<double>& scores) {
  constexpr double kPenalty = 10.0;
  double least = std::numeric_limits<double>::infinity();
  for (const double score : scores) least = std::min(least, score);
  return least - kPenalty;
}

std::uint32_t length_of_code_point(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

}  // namespace

Unigram::Unigram(PieceEntries pieces, const UnigramOptions& options, const std::string& file, const std::string& item)
    : pieces_(checked(std::move(pieces), file, item)),
      trie_(pieces_.tokens),
      unk_id_(options.unk_id),
      unk_score_(unknown_score(pieces_.scores)),
      byte_fallback_(options.byte_fallback) {
  for (std::size_t id = 0; id < pieces_.tokens.size(); ++id)
    if (pieces_.tokens.token(id).empty()) empty_id_ = static_cast<std::int32_t>(id);
  for (std::size_t byte = 0; byte < byte_ids_.size(); ++byte)
    byte_ids_[byte] = trie_.find(fmt::format("<0x{:02X}>", byte));
}

void Unigram::tokenize(const Text& text, std::span<const Range> words, std::vector<Token>& tokens) const {
  std::size_t longest = 0;
  for (const Range word : words) longest = std::max<std::size_t>(longest, word.end - word.begin);
  constexpr std::size_t kKept = 1U << 16U;  // a huge word must not hold its buffer for ever
  static thread_local std::vector<Step> kept;
  std::vector<Step> once;
  std::vector<Step>& steps = longest < kKept ? kept : once;
  if (steps.size() <= longest) steps.resize(longest + 1);
  for (const Range word : words) {
    const std::string_view string = text.view().substr(word.begin, word.end - word.begin);
    const std::span<Step> places{steps.data(), string.size() + 1};
    find_best(string, places);
    append_best(string, places, word.begin, tokens);
  }
}

// Each place is reached from earlier ones only, so one pass forward suffices. Of equally good ways the first found
// stays: the one with the longest last piece.
void Unigram::find_best(std::string_view word, std::span<Step> steps) const {
  for (Step& step : steps) step.start = kNotReached;
  steps[0].score = 0;
  for (std::uint32_t at = 0; at < word.size();) {
    const double so_far = steps[at].score;
    const std::uint32_t next = at + length_of_code_point(word[at]);
    bool single = false;
    const auto reach = [&](std::size_t end, std::int32_t id, double score) {
      Step& step = steps[end];
      if (step.start == kNotReached || score > step.score) step = {score, at, id};
    };
    trie_.each_prefix(word, at, [&](std::size_t end, std::int32_t id) {
      single = single || end == next;
      reach(end, id, pieces_.scores[static_cast<std::size_t>(id)] + so_far);
    });
    if (!single) {
      const double score = unk_score_ + so_far;
      if (steps[next].start == kNotReached || score > steps[next].score) reach(next, unk_id(), score);
    }
    at = next;
  }
}

// From the end of the word to its beginning; the tokens are turned round afterwards.
void Unigram::append_best(std::string_view word, std::span<const Step> steps, std::uint32_t begin,
                          std::vector<Token>& tokens) const {
  const std::size_t first = tokens.size();
  for (auto end = static_cast<std::uint32_t>(word.size()); end > 0;) {
    std::uint32_t start = steps[end].start;
    const std::int32_t id = steps[end].id;
    if (id != unk_id_) {
      tokens.push_back({id, {begin + start, begin + end}});
    } else {
      while (start > 0 && steps[start].id == unk_id_) start = steps[start].start;
      append_unknown(word.substr(start, end - start), {begin + start, begin + end}, tokens);
    }
    end = start;
  }
  std::reverse(tokens.begin() + static_cast<std::ptrdiff_t>(first), tokens.end());
}

// Backwards, as append_best goes. What is made of unknown characters may be a piece all the same, if its score is low.
void Unigram::append_unknown(std::string_view string, Range range, std::vector<Token>& tokens) const {
  if (const auto id = trie_.find(string)) return tokens.push_back({*id, range});
  const auto id_of = [&](char byte) { return byte_ids_[static_cast<unsigned char>(byte)]; };
  if (byte_fallback_ && std::all_of(string.begin(), string.end(), [&](char byte) { return id_of(byte).has_value(); })) {
    for (auto byte = string.rbegin(); byte != string.rend(); ++byte) tokens.push_back({*id_of(*byte), range});
    return;
  }
  tokens.push_back({unk_id(), range});
}

std::int32_t Unigram::unk_id() const {
  if (unk_id_) return *unk_id_;
  throw InvalidInput("the text has a character that no piece of the vocabulary has, and there is no unknown token");
}

std::optional<std::int32_t> Unigram::token_to_id(std::string_view token) const noexcept {
  return token.empty() ? empty_id_ : trie_.find(token);
}

std::optional<std::string_view> Unigram::id_to_token(std::int32_t id) const noexcept {
  if (id < 0 || static_cast<std::size_t>(id) >= pieces_.tokens.size()) return std::nullopt;
  return pieces_.tokens.token(static_cast<std::size_t>(id));
}

}  // namespace modelpool::tokenizers
