// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "cli/output.hpp"

namespace modelpool::cli {

/// A piece of a file that can answer a question by itself.
struct Passage {
  std::string file = {};     ///< as reached from what --index names
  std::size_t line = 0;      ///< its first line, from 1
  std::string heading = {};  ///< the headings above it, outermost first, joined by " > "; empty outside Markdown
  std::string text = {};     ///< its lines, without blank ones at its ends
};

/// Cuts a text at blank lines and Markdown headings. Neighbouring short paragraphs of one section are put together, long
/// ones are cut between lines, code blocks are not cut at their blank lines.
/// @param is_markdown  whether lines that begin with # are headings
[[nodiscard]] std::vector<Passage> cut_passages(std::string_view file, std::string_view text, bool is_markdown);

/// The files that --index names: files themselves, and those below folders, sorted by path, each once. Hidden files and
/// folders below a folder are left out; links to folders are not followed.
/// @throws UsageError  if a path is not there or a folder cannot be read
[[nodiscard]] std::vector<std::string> list_files(const std::vector<std::string>& paths);

/// The passages of all files. Binary and empty files give none; a file that is not UTF-8, or that cannot be read, is told
/// to `log` and left out, unless --index names it itself.
/// @throws UsageError  if there is not one passage, or a file that --index names cannot be read
[[nodiscard]] std::vector<Passage> read_passages(const std::vector<std::string>& paths, Log& log);

}  // namespace modelpool::cli
