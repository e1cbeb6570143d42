// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "base/utf8.hpp"
#include "modelpool/error.hpp"
#include "modelpool/tokenizers/tokenizer.hpp"

namespace modelpool::fuzz {

inline void require(bool condition) {
  if (!condition) std::abort();
}

inline void require_one_line(std::string_view message) {
  require(std::ranges::none_of(message, [](char c) { return c == '\n' || c == '\r' || c == '\0'; }));
}

/// What holds for every encoding of a text. @param points  length of the longest text in code points
inline void check_encoding(const Tokenizer& tokenizer, const Encoding& encoding, std::size_t points) {
  require(encoding.token_type_ids.size() == encoding.size());
  require(encoding.special_tokens_mask.size() == encoding.size());
  require(encoding.offsets.empty() || encoding.offsets.size() == encoding.size());
  for (std::size_t i = 0; i < encoding.size(); ++i) {
    if (encoding.special_tokens_mask[i] == 0) require(tokenizer.id_to_token(encoding.input_ids[i]).has_value());
    if (encoding.offsets.empty()) continue;
    const auto [start, end] = encoding.offsets[i];
    require(start <= end && end <= points);
  }
}

inline void check_decoding(const Tokenizer& tokenizer, const Encoding& encoding) {
  try {
    const auto text = tokenizer.decode(encoding.input_ids);
    require(!utf8::first_invalid(text));
    require(tokenizer.decode(encoding.input_ids, true).size() <= text.size());
  } catch (const InvalidInput& error) {  // a template may name ids that the vocabulary does not have
    require_one_line(error.what());
  }
}

inline void check_text(const Tokenizer& tokenizer, std::string_view text, const EncodeOptions& options) {
  EncodeOptions with_offsets = options;
  with_offsets.with_offsets = true;
  const Encoding plain = tokenizer.encode(text, options);
  const Encoding encoding = tokenizer.encode(text, with_offsets);
  require(plain.input_ids == encoding.input_ids);
  check_encoding(tokenizer, encoding, utf8::length(text));
  check_decoding(tokenizer, encoding);
}

}  // namespace modelpool::fuzz
