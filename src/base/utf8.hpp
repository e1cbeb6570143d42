// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

/// UTF-8 as Unicode defines it: no overlong forms, no surrogates, nothing above U+10FFFF.
namespace modelpool::utf8 {

/// Length in bytes of the valid sequence that starts at text[at]; 0 if there is none.
[[nodiscard]] constexpr std::size_t sequence_length(std::string_view text, std::size_t at) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const auto continues = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xBF) {
    return at + i < text.size() && byte(i) >= low && byte(i) <= high;
  };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return continues(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const bool second = continues(1, lead == 0xE0 ? 0xA0 : 0x80, lead == 0xED ? 0x9F : 0xBF);
    return second && continues(2) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const bool second = continues(1, lead == 0xF0 ? 0x90 : 0x80, lead == 0xF4 ? 0x8F : 0xBF);
    return second && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

/// True if the eight bytes at `bytes` are all ASCII.
[[nodiscard]] inline bool eight_ascii(const char* bytes) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return (word & 0x8080808080808080U) == 0;
}

/// Byte offset of the first sequence that is not valid; nullopt if all of the text is.
[[nodiscard]] inline std::optional<std::size_t> first_invalid(std::string_view text) noexcept {
  std::size_t at = 0;
  while (at < text.size()) {
    if (at + 8 <= text.size() && eight_ascii(text.data() + at)) {
      at += 8;
      continue;
    }
    const std::size_t length = sequence_length(text, at);
    if (length == 0) return at;
    at += length;
  }
  return std::nullopt;
}

/// The code point at text[at], and `at` moved behind it. The text must be valid.
[[nodiscard]] inline char32_t next(std::string_view text, std::size_t& at) noexcept {
  const auto byte = [&] { return static_cast<unsigned char>(text[at++]); };
  const char32_t lead = byte();
  if (lead < 0x80) return lead;
  const char32_t second = byte() & 0x3FU;
  if (lead < 0xE0) return (lead & 0x1FU) << 6 | second;
  const char32_t third = byte() & 0x3FU;
  if (lead < 0xF0) return (lead & 0x0FU) << 12 | second << 6 | third;
  return (lead & 0x07U) << 18 | second << 12 | third << 6 | (byte() & 0x3FU);
}

/// The code point that ends before text[at], and `at` moved to its start. The text must be valid, and at > 0.
[[nodiscard]] inline char32_t previous(std::string_view text, std::size_t& at) noexcept {
  do {
    --at;
  } while ((static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U);
  std::size_t end = at;
  return next(text, end);
}

inline void append(std::string& text, char32_t code) {
  const auto byte = [](char32_t value) { return static_cast<char>(static_cast<unsigned char>(value)); };
  const auto tail = [&](unsigned shift) { return byte(0x80U | (code >> shift & 0x3FU)); };
  if (code < 0x80) {
    text.push_back(byte(code));
  } else if (code < 0x800) {
    const char bytes[] = {byte(0xC0U | code >> 6), tail(0)};
    text.append(bytes, 2);
  } else if (code < 0x10000) {
    const char bytes[] = {byte(0xE0U | code >> 12), tail(6), tail(0)};
    text.append(bytes, 3);
  } else {
    const char bytes[] = {byte(0xF0U | code >> 18), tail(12), tail(6), tail(0)};
    text.append(bytes, 4);
  }
}

/// Number of code points. The text must be valid.
[[nodiscard]] inline std::size_t length(std::string_view text) noexcept {
  std::size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  return count;
}

}  // namespace modelpool::utf8
