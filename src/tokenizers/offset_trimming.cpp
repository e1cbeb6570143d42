// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/offset_trimming.hpp"

#include <algorithm>
#include <utility>

#include "base/utf8.hpp"
#include "tokenizers/byte_level.hpp"
#include "tokenizers/unicode/unicode.hpp"

namespace modelpool::tokenizers {
namespace {

bool is_space(char32_t code) {
  return code == byte_character(' ') || (unicode::record(code).flags & unicode::kWhiteSpace) != 0;
}

void trim(Sequence& sequence, const OffsetTrimming::Options& options) {
  for (std::size_t i = 0; i < sequence.spaces.size(); ++i) {
    auto [leading, trailing] = sequence.spaces[i];
    auto& [start, end] = sequence.offsets[i];
    if (leading > 0) {
      const bool first = (i == 0 && !options.after_special) || start == 0;
      if (first && options.add_prefix_space && leading == 1) leading = 0;
      start = std::min(start + leading, end);
    }
    if (trailing > 0 && end >= trailing) end = std::max(end - trailing, start);
  }
}

}  // namespace

Sequence::Spaces spaces_of(std::string_view token) noexcept {
  Sequence::Spaces spaces;
  for (std::size_t at = 0; at < token.size() && is_space(utf8::next(token, at));) ++spaces.leading;
  for (std::size_t at = token.size(); at > 0 && is_space(utf8::previous(token, at));) ++spaces.trailing;
  return spaces;
}

OffsetTrimming::OffsetTrimming(std::vector<Options> steps, std::unique_ptr<const PostProcessor> layout)
    : steps_(std::move(steps)), layout_(std::move(layout)) {}

std::size_t OffsetTrimming::num_special_tokens(bool pair) const noexcept { return layout_->num_special_tokens(pair); }

Encoding OffsetTrimming::process(std::span<Sequence> sequences, bool add_special_tokens) const {
  for (const Options& step : steps_)
    for (Sequence& sequence : sequences)
      trim(sequence, {step.add_prefix_space, step.after_special && add_special_tokens});
  return layout_->process(sequences, add_special_tokens);
}

}  // namespace modelpool::tokenizers
