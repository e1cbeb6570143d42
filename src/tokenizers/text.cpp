// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/text.hpp"

#include "base/utf8.hpp"

namespace modelpool::tokenizers {

void Text::assign(std::string_view piece, std::uint32_t first, bool with_origins) {
  bytes_.assign(piece);
  spelled_ = false;
  origins_.clear();
  with_origins_ = with_origins;
  if (!with_origins) return;
  origins_.reserve(piece.size());
  for (std::size_t at = 0; at < piece.size(); ++first) {
    (void)utf8::next(piece, at);
    origins_.resize(at, Origin{first, first + 1});
  }
}

void Text::assign(const Text& whole, Range part) {
  bytes_.assign(whole.view().substr(part.begin, part.end - part.begin));
  origins_.clear();
  spelled_ = false;
  with_origins_ = whole.with_origins();
  const auto first = whole.origins().begin();
  if (with_origins_) origins_.assign(first + part.begin, first + part.end);
}

void Text::start_rewrite() {
  new_bytes_.clear();
  new_bytes_.reserve(bytes_.size());
  new_origins_.clear();
}

void Text::append(char32_t code, Origin origin) {
  utf8::append(new_bytes_, code);
  if (with_origins_) new_origins_.resize(new_bytes_.size(), origin);
}

void Text::append_bytes(std::string_view bytes, Origin origin) {
  new_bytes_ += bytes;
  if (with_origins_) new_origins_.resize(new_bytes_.size(), origin);
}

void Text::append_part(Range part) {
  new_bytes_.append(bytes_, part.begin, part.end - part.begin);
  if (!with_origins_) return;
  const auto first = origins_.begin();
  new_origins_.insert(new_origins_.end(), first + part.begin, first + part.end);
}

void Text::finish_rewrite() {
  bytes_.swap(new_bytes_);
  origins_.swap(new_origins_);
}

}  // namespace modelpool::tokenizers
