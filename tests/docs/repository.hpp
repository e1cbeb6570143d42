// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

/// What the tests of the documentation read: this repository's files, and the parts of a page of Markdown.
namespace modelpool_test {

/// Root of the source tree.
[[nodiscard]] const std::filesystem::path& repository();

/// @return whole file; @throws std::runtime_error if it cannot be read
[[nodiscard]] std::string read(const std::filesystem::path& file);

/// README.md and docs/**/*.md, relative to the root, sorted.
[[nodiscard]] std::vector<std::filesystem::path> pages();

/// Files below `folder` (relative to the root) that end in `extension` ("" for all), relative to the root, sorted.
[[nodiscard]] std::vector<std::filesystem::path> files(const std::filesystem::path& folder, std::string_view extension);

/// All public headers, one behind the other.
[[nodiscard]] const std::string& public_headers();

struct CodeBlock {
  std::string language;  ///< what follows the opening fence
  std::string text;      ///< lines between the fences, each with its end
  std::string marker;    ///< content of the comment <!-- … --> in the line before, or empty
  std::size_t line = 0;  ///< of the opening fence
};

struct Link {
  std::string target;
  std::size_t line = 0;
};

struct Page {
  std::vector<CodeBlock> blocks;
  std::vector<Link> links;            ///< [text](target) outside code
  std::vector<std::string> headings;  ///< text, in order
  std::set<std::string> anchors;      ///< as GitHub makes them of the headings
  std::string prose;                  ///< everything outside code blocks, inline code included
};

[[nodiscard]] Page parse_page(const std::string& text);

/// Parts of `text` between single backticks.
[[nodiscard]] std::vector<std::string> inline_code(const std::string& text);

/// The lines of `text` between a line that ends in "region: NAME" and the next that ends in "endregion: NAME", without
/// the indentation that they share, and without markers of regions inside. Empty when there is no such region.
[[nodiscard]] std::string region(const std::string& text, const std::string& name);

}  // namespace modelpool_test
