// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace modelpool::cli {

/// How text for people is set on standard output.
struct Paper {
  std::size_t width = 100;  ///< columns
  bool colours = false;
};

/// Of the terminal at `fd`; without one (or with NO_COLOR set) no colours.
[[nodiscard]] Paper paper_of(int fd);

/// Breaks the lines of a text at blanks and indents them. A word longer than a line stays whole. Code points count as one
/// column each.
/// @param most_lines  what is beyond them is left out, and said by a line "..."
[[nodiscard]] std::string wrap(std::string_view text, std::size_t indent, std::size_t width, std::size_t most_lines);

}  // namespace modelpool::cli
