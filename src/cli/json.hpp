// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace modelpool::cli {

/// Byte offset of the first byte that is not well-formed UTF-8 (overlong forms and surrogates are not); nullopt: none.
[[nodiscard]] std::optional<std::size_t> invalid_utf8_at(std::string_view text) noexcept;

/// A JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD: file names may hold any.
void append_json_string(std::string& out, std::string_view text);
/// The shortest digits that read back as the same float32, always with a point or an exponent; null for what JSON cannot
/// say (NaN, infinities).
void append_json_float(std::string& out, float value);
/// Digits enough for people: at most six significant ones.
void append_json_double(std::string& out, double value);
void append_json_integer(std::string& out, std::int64_t value);
void append_json_floats(std::string& out, std::span<const float> values);

/// {"index":i,"error":{"code":"…","message":"…"}} and a line end.
[[nodiscard]] std::string json_error_line(std::size_t index, std::string_view code, std::string_view message);

}  // namespace modelpool::cli
