// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

namespace modelpool::cli {

/// The whole text must be a decimal number: no sign, blank, unit or overflow.
/// @param option  named in the error
/// @throws UsageError
[[nodiscard]] std::uint64_t parse_count(std::string_view option, std::string_view text, std::uint64_t least,
                                        std::uint64_t most);

/// Seconds, with or without fraction; more than 0, at most 1e9.
/// @throws UsageError
[[nodiscard]] std::chrono::nanoseconds parse_seconds(std::string_view option, std::string_view text);

}  // namespace modelpool::cli
