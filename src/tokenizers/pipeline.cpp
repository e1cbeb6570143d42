// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/pipeline.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "base/utf8.hpp"
#include "modelpool/error.hpp"
#include "tokenizers/byte_level.hpp"
#include "tokenizers/clean_up.hpp"
#include "tokenizers/offset_trimming.hpp"

namespace modelpool::tokenizers {
namespace {

using Split = AddedVocabulary::Split;

// Places in a text are 32 bits wide, and normalizing may make it three times as long.
constexpr std::size_t kMostBytes = std::size_t{1} << 30U;

void check_text(std::string_view text) {
  if (text.size() > kMostBytes)
    throw InvalidInput(
        fmt::format("the text has {} bytes; split it into parts of at most {}", text.size(), kMostBytes));
  if (const auto bad = utf8::first_invalid(text))
    throw InvalidInput(fmt::format("the text is not valid UTF-8 at byte {}; convert it to UTF-8", *bad), *bad);
}

std::string_view part(std::string_view text, Range range) { return text.substr(range.begin, range.end - range.begin); }

// Number of code points before places of a text that mostly ascend: an added token that begins with a space may overlap
// one that took the spaces after it along.
class CodePointCounter {
 public:
  explicit CodePointCounter(std::string_view text) : text_(text) {}
  std::uint32_t before(std::uint32_t place) {
    const auto between = [&](std::uint32_t begin, std::uint32_t end) {
      return static_cast<std::uint32_t>(utf8::length(part(text_, {begin, end})));
    };
    count_ = place >= place_ ? count_ + between(place_, place) : count_ - between(place, place_);
    place_ = place;
    return count_;
  }

 private:
  std::string_view text_;
  std::uint32_t place_ = 0;
  std::uint32_t count_ = 0;
};

void append(Sequence& sequence, const Token& token, const Text& text) {
  sequence.ids.push_back(token.id);
  if (!sequence.with_offsets) return;
  const auto& origins = text.origins();
  sequence.offsets.emplace_back(origins[token.range.begin].start, origins[token.range.end - 1].end);
}

// How many tokens of two texts are kept when they may have `most` together: the longer one loses first.
// Source: tokenizers, utils/truncation.rs, LongestFirst.
std::pair<std::size_t, std::size_t> longest_first(std::size_t first, std::size_t second, std::size_t most) {
  if (first + second <= most) return {first, second};
  const bool swapped = first > second;
  std::size_t shorter = std::min(first, second);
  std::size_t longer = shorter > most ? shorter : std::max(shorter, most - shorter);
  if (shorter + longer > most) {
    shorter = most / 2;
    longer = shorter + most % 2;
  }
  return swapped ? std::pair{longer, shorter} : std::pair{shorter, longer};
}

}  // namespace

/// Buffers of a thread that outlive a call, so that short texts cost no allocation for them.
struct Pipeline::Scratch {
  Text text;
  Text part;  // of `text`, between added tokens
  std::vector<Split> raw_splits;
  std::vector<Split> splits;
  std::vector<Range> words;
  std::vector<Token> tokens;
};

Pipeline::Pipeline(PipelineParts parts) : parts_(std::move(parts)) {}

Encoding Pipeline::encode(std::string_view text, const EncodeOptions& options) const {
  Sequence sequence = tokenize(text, options.with_offsets);
  return finish({&sequence, 1}, options);
}

Encoding Pipeline::encode_pair(std::string_view text, std::string_view pair, const EncodeOptions& options) const {
  Sequence sequences[] = {tokenize(text, options.with_offsets), tokenize(pair, options.with_offsets)};
  return finish(sequences, options);
}

Encoding Pipeline::finish(std::span<Sequence> sequences, const EncodeOptions& options) const {
  const bool pair = sequences.size() == 2;
  if (options.max_length) {
    const std::size_t special = options.add_special_tokens ? parts_.post_processor->num_special_tokens(pair) : 0;
    const std::size_t most = *options.max_length > special ? *options.max_length - special : 0;
    const auto [first, second] =
        longest_first(sequences.front().ids.size(), pair ? sequences.back().ids.size() : 0, most);
    truncate(sequences.front(), pair ? first : std::min(sequences.front().ids.size(), most));
    if (pair) truncate(sequences.back(), second);
  }
  return parts_.post_processor->process(sequences, options.add_special_tokens);
}

void Pipeline::truncate(Sequence& sequence, std::size_t size) const {
  if (size >= sequence.ids.size()) return;
  const auto cut = [&](auto& values) {
    const auto excess = static_cast<std::ptrdiff_t>(values.size() - size);
    if (parts_.truncate_left)
      values.erase(values.begin(), values.begin() + excess);
    else
      values.resize(size);
  };
  cut(sequence.ids);
  if (sequence.with_offsets) cut(sequence.offsets);
  if (sequence.with_spaces) cut(sequence.spaces);
}

Sequence Pipeline::tokenize(std::string_view text, bool with_offsets) const {
  constexpr std::size_t kKeptBytes = std::size_t{1} << 20U;
  check_text(text);
  static thread_local Scratch kept;
  Scratch once;
  Scratch& scratch = text.size() <= kKeptBytes ? kept : once;  // a huge text must not hold its buffers for ever
  Sequence sequence;
  sequence.with_offsets = with_offsets;
  sequence.with_spaces = with_offsets && parts_.post_processor->trims_offsets();
  scratch.raw_splits.clear();
  parts_.added.split_raw(text, scratch.raw_splits);
  CodePointCounter counter(text);
  for (const Split& split : scratch.raw_splits) {
    // Without offsets it only counts whether a piece is at the start of the text.
    const std::uint32_t first = with_offsets ? counter.before(split.range.begin) : std::min(split.range.begin, 1U);
    if (!split.id) {
      tokenize_raw(part(text, split.range), first, scratch, sequence);
      continue;
    }
    sequence.ids.push_back(*split.id);
    if (with_offsets) sequence.offsets.emplace_back(first, counter.before(split.range.end));
    if (sequence.with_spaces) sequence.spaces.push_back(spaces_of(part(text, split.range)));
  }
  return sequence;
}

void Pipeline::tokenize_raw(std::string_view text, std::uint32_t first, Scratch& scratch, Sequence& sequence) const {
  const bool needs_origins = parts_.pre_tokenizer && parts_.pre_tokenizer->needs_origins();
  scratch.text.assign(text, first, sequence.with_offsets || needs_origins);
  if (parts_.normalizer) parts_.normalizer->normalize(scratch.text);
  scratch.splits.clear();
  parts_.added.split_normalized(scratch.text.view(), scratch.splits);
  scratch.tokens.clear();
  tokenize_normalized(scratch, sequence);
}

void Pipeline::tokenize_normalized(Scratch& scratch, Sequence& sequence) const {
  for (const Split& split : scratch.splits) {
    if (split.id) {
      append(sequence, {*split.id, split.range}, scratch.text);
      if (sequence.with_spaces) sequence.spaces.push_back(spaces_of(part(scratch.text.view(), split.range)));
    } else if (scratch.splits.size() == 1) {
      tokenize_part(scratch.text, scratch, sequence);
    } else {
      scratch.part.assign(scratch.text, split.range);
      tokenize_part(scratch.part, scratch, sequence);
    }
  }
}

// The pre-tokenizer may rewrite the part, so that places in the text it was cut from would be others.
void Pipeline::tokenize_part(Text& text, Scratch& scratch, Sequence& sequence) const {
  scratch.words.assign(1, Range{0, static_cast<std::uint32_t>(text.view().size())});
  if (parts_.pre_tokenizer) parts_.pre_tokenizer->split(text, scratch.words);
  if (text.spelled() && !parts_.model->reads_bytes()) spell_bytes(text, scratch.words);
  scratch.tokens.clear();
  parts_.model->tokenize(text, scratch.words, scratch.tokens);
  for (const Token& token : scratch.tokens) append(sequence, token, text);
  if (!sequence.with_spaces) return;
  for (const Token& token : scratch.tokens)
    sequence.spaces.push_back(spaces_of(parts_.model->id_to_token(token.id).value_or("")));
}

std::string_view Pipeline::token(std::int32_t id) const {
  if (const auto string = id_to_token(id)) return *string;
  throw InvalidInput(fmt::format("{} is not an id of this vocabulary of {} tokens", id, vocab_size()));
}

std::string Pipeline::decode(std::span<const std::int32_t> ids, bool skip_special_tokens) const {
  std::vector<std::string_view> tokens;
  for (const std::int32_t id : ids) {
    const std::string_view string = token(id);
    if (!skip_special_tokens || !parts_.added.is_special(string)) tokens.push_back(string);
  }
  std::string text = join_tokens(tokens);
  if (parts_.clean_up_tokenization_spaces) clean_up_spaces(text);
  return text;
}

std::string Pipeline::join_tokens(std::span<const std::string_view> tokens) const {
  return parts_.decoder ? fmt::format("{}", fmt::join(parts_.decoder->decode(tokens), ""))
                        : fmt::format("{}", fmt::join(tokens, " "));
}

std::size_t Pipeline::vocab_size() const noexcept {
  return parts_.model->size() + parts_.added.size_beyond(*parts_.model);
}

std::optional<std::string_view> Pipeline::id_to_token(std::int32_t id) const noexcept {
  const auto added = parts_.added.id_to_token(id);
  return added ? added : parts_.model->id_to_token(id);
}

std::optional<std::int32_t> Pipeline::token_to_id(std::string_view token) const noexcept {
  const auto added = parts_.added.token_to_id(token);
  return added ? added : parts_.model->token_to_id(token);
}

std::size_t Pipeline::num_special_tokens() const noexcept { return parts_.post_processor->num_special_tokens(false); }

std::optional<std::size_t> Pipeline::model_max_length() const noexcept { return parts_.model_max_length; }

}  // namespace modelpool::tokenizers
