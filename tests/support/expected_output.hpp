// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Output of a program against a pattern kept in a plain text file (examples/<name>.expected).
///
/// A pattern's line matches a line of output that has the same text, where runs of spaces count as one and spaces at
/// both ends do not count. In it, {number} stands for a number, {word} for characters without a space, {text} for any
/// characters. A line that is {lines} stands for any number of lines, also none.
namespace modelpool_test {

[[nodiscard]] std::vector<std::string> split_lines(std::string_view text);

[[nodiscard]] bool line_matches(std::string_view pattern, std::string_view line);

/// @return what differs, in one line that names the place; nullopt when all of `actual` matches all of `pattern`
[[nodiscard]] std::optional<std::string> mismatch(std::string_view pattern, std::string_view actual);

/// @return whether `part` matches some run of successive lines of `pattern`
[[nodiscard]] bool matches_part(std::string_view pattern, std::string_view part);

}  // namespace modelpool_test
