// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "base/utf8.hpp"

namespace modelpool {

/// Text from a file as an error message may carry it: on one line, and not longer than a line. Control characters and
/// bytes that are not UTF-8 are written as \xNN.
/// @param most  bytes of the text that are shown
[[nodiscard]] inline std::string escaped(std::string_view text, std::size_t most = 80) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    if (at >= most) return result + "…";
    const std::size_t length = utf8::sequence_length(text, at);
    const auto byte = static_cast<unsigned char>(text[at]);
    if (length == 0 || byte < 0x20 || byte == 0x7F) {
      result += fmt::format("\\x{:02X}", byte);
      ++at;
      continue;
    }
    result.append(text, at, length);
    at += length;
  }
  return result;
}

}  // namespace modelpool
