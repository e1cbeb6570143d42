// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/lossy.hpp"

#include "base/utf8.hpp"

namespace modelpool::tokenizers {
namespace {

// Of a sequence that is cut off: if some ending makes it valid, it is the beginning of a character.
std::size_t beginning_length(std::string_view bytes, std::size_t at) {
  constexpr std::string_view kLow[] = {"\x80\x80\x80", "\xA0\x80\x80", "\x90\x80\x80"};
  std::size_t longest = 1;
  for (std::size_t length = 1; length < 4 && at + length <= bytes.size(); ++length)
    for (const std::string_view ending : kLow) {
      const std::string whole = std::string(bytes.substr(at, length)).append(ending);
      if (utf8::sequence_length(whole, 0) > length) longest = length;
    }
  return longest;
}

}  // namespace

std::string with_replacements(std::string_view bytes) {
  std::string result;
  while (const auto bad = utf8::first_invalid(bytes)) {
    result.append(bytes.substr(0, *bad)).append("\xEF\xBF\xBD");
    bytes.remove_prefix(*bad + beginning_length(bytes, *bad));
  }
  return result.append(bytes);
}

}  // namespace modelpool::tokenizers
