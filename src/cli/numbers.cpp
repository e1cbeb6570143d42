// SPDX-License-Identifier: Apache-2.0
#include "cli/numbers.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <optional>
#include <system_error>

#include "cli/arguments.hpp"

namespace modelpool::cli {
namespace {

template <class Number>
std::optional<Number> parse_whole(std::string_view text) {
  Number number{};
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return number;
}

}  // namespace

std::uint64_t parse_count(std::string_view option, std::string_view text, std::uint64_t least, std::uint64_t most) {
  const auto number = parse_whole<std::uint64_t>(text);
  if (!number || *number < least || *number > most)
    throw UsageError(fmt::format("{} must be a whole number from {} to {}, not '{}'", option, least, most, text));
  return *number;
}

std::chrono::nanoseconds parse_seconds(std::string_view option, std::string_view text) {
  constexpr double kMost = 1e9;  // far below the 292 years of 64-bit nanoseconds
  const auto seconds = parse_whole<double>(text);
  if (!seconds || !(*seconds > 0) || *seconds > kMost)
    throw UsageError(fmt::format("{} must be a number of seconds above 0 and up to 1e9, not '{}'", option, text));
  return std::chrono::nanoseconds{static_cast<std::int64_t>(std::ceil(*seconds * 1e9))};
}

}  // namespace modelpool::cli
