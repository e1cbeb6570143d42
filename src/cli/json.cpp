// SPDX-License-Identifier: Apache-2.0
#include "cli/json.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace modelpool::cli {
namespace {

bool is_continuation(unsigned char byte) { return (byte & 0xC0U) == 0x80U; }

// Length of the well-formed sequence at the start of a text that is not empty; 0 if there is none. The second byte's
// range depends on the first: that excludes overlong forms, surrogates, and what lies beyond U+10FFFF.
std::size_t sequence_length(std::string_view text) noexcept {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(i < text.size() ? text[i] : 0); };
  const unsigned char first = at(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return is_continuation(at(1)) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const unsigned char least = first == 0xE0 ? 0xA0 : 0x80;
    const unsigned char most = first == 0xED ? 0x9F : 0xBF;
    return at(1) >= least && at(1) <= most && is_continuation(at(2)) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const unsigned char least = first == 0xF0 ? 0x90 : 0x80;
    const unsigned char most = first == 0xF4 ? 0x8F : 0xBF;
    return at(1) >= least && at(1) <= most && is_continuation(at(2)) && is_continuation(at(3)) ? 4 : 0;
  }
  return 0;
}

void append_control(std::string& out, unsigned char c) {
  constexpr std::string_view kHex = "0123456789abcdef";
  switch (c) {
    case '\n':
      out += "\\n";
      break;
    case '\r':
      out += "\\r";
      break;
    case '\t':
      out += "\\t";
      break;
    default:
      out += "\\u00";
      out += kHex[c >> 4U];
      out += kHex[c & 0xFU];
  }
}

template <class... Format>
void append_number(std::string& out, Format... value) {
  std::array<char, 40> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value...).ptr;
  out.append(digits.data(), end);
}

}  // namespace

std::optional<std::size_t> invalid_utf8_at(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size();) {
    const auto length = sequence_length(text.substr(i));
    if (length == 0) return i;
    i += length;
  }
  return std::nullopt;
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (std::size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    const auto length = sequence_length(text.substr(i));
    if (length == 0)
      out += "\xEF\xBF\xBD";
    else if (c == '"' || c == '\\')
      (out += '\\') += text[i];
    else if (c < 0x20 || c == 0x7F)
      append_control(out, c);
    else
      out.append(text, i, length);
    i += length == 0 ? 1 : length;
  }
  out += '"';
}

void append_json_float(std::string& out, float value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  const auto begin = out.size();
  append_number(out, value);
  if (out.find_first_of(".e", begin) == std::string::npos) out += ".0";
}

void append_json_double(std::string& out, double value) {
  if (std::isfinite(value))
    append_number(out, value, std::chars_format::general, 6);
  else
    out += "null";
}

void append_json_integer(std::string& out, std::int64_t value) { append_number(out, value); }

void append_json_floats(std::string& out, std::span<const float> values) {
  out.reserve(out.size() + values.size() * 14);
  out += '[';
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out += ',';
    append_json_float(out, values[i]);
  }
  out += ']';
}

std::string json_error_line(std::size_t index, std::string_view code, std::string_view message) {
  std::string line = "{\"index\":";
  append_json_integer(line, static_cast<std::int64_t>(index));
  line += ",\"error\":{\"code\":";
  append_json_string(line, code);
  line += ",\"message\":";
  append_json_string(line, message);
  line += "}}\n";
  return line;
}

}  // namespace modelpool::cli
