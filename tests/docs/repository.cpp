// SPDX-License-Identifier: Apache-2.0
#include "repository.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <optional>
#include <regex>
#include <sstream>
#include <stdexcept>

#include "support/expected_output.hpp"

namespace modelpool_test {
namespace fs = std::filesystem;
namespace {

bool is_fence(const std::string& line) { return line.starts_with("```"); }

std::string anchor_of(const std::string& heading) {
  std::string anchor;
  for (const char c : heading) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) || c == '-' || c == '_' || byte >= 0x80) anchor += static_cast<char>(std::tolower(byte));
    if (c == ' ') anchor += '-';
  }
  return anchor;
}

std::string without_inline_code(const std::string& line) {
  static const std::regex code("`[^`]*`");
  return std::regex_replace(line, code, "");
}

void add_links(Page& page, const std::string& line, std::size_t number) {
  static const std::regex link(R"(\]\(([^()\s]+)\))");
  const std::string text = without_inline_code(line);
  for (std::sregex_iterator it(text.begin(), text.end(), link), end; it != end; ++it)
    page.links.push_back({(*it)[1], number});
}

std::string marker_of(const std::string& line) {
  static const std::regex comment(R"(<!--\s*(.*?)\s*-->)");
  std::smatch found;
  return std::regex_match(line, found, comment) ? found[1].str() : "";
}

std::optional<std::string> heading_of(const std::string& line) {
  static const std::regex heading("#{1,6} +(.+?) *#*");
  std::smatch found;
  if (!std::regex_match(line, found, heading)) return std::nullopt;
  return found[1].str();
}

bool is_region_marker(const std::string& line, const std::string& name) {
  static const std::regex marker(R"(\s*(//|#) (end)?region: (\S+))");
  std::smatch found;
  return std::regex_match(line, found, marker) && (name.empty() || (found[2].str() + found[3].str()) == name);
}

std::string without_shared_indentation(const std::vector<std::string>& lines) {
  std::size_t shared = std::string::npos;
  for (const auto& line : lines) shared = std::min(shared, std::min(line.find_first_not_of(' '), shared));
  std::string result;
  for (const auto& line : lines) result += (line.size() > shared ? line.substr(shared) : "") + "\n";
  return result;
}

}  // namespace

const fs::path& repository() {
  static const fs::path root = MODELPOOL_TEST_REPOSITORY;
  return root;
}

std::string read(const fs::path& file) {
  std::ifstream stream(repository() / file, std::ios::binary);
  std::stringstream text;
  text << stream.rdbuf();
  if (!stream) throw std::runtime_error(file.string() + " cannot be read");
  return text.str();
}

std::vector<fs::path> files(const fs::path& folder, std::string_view extension) {
  std::vector<fs::path> result;
  for (const auto& entry : fs::recursive_directory_iterator(repository() / folder))
    if (entry.is_regular_file() && (extension.empty() || entry.path().extension() == extension))
      result.push_back(fs::relative(entry.path(), repository()));
  std::sort(result.begin(), result.end());
  return result;
}

std::vector<fs::path> pages() {
  auto result = files("docs", ".md");
  result.insert(result.begin(), "README.md");
  return result;
}

const std::string& public_headers() {
  static const std::string text = [] {
    std::string all;
    for (const auto& file : files("include", ".hpp")) all += read(file);
    return all;
  }();
  return text;
}

Page parse_page(const std::string& text) {
  Page page;
  std::map<std::string, int> seen;
  std::string previous;
  bool in_code = false;
  std::size_t number = 0;
  for (const auto& line : split_lines(text)) {
    ++number;
    if (is_fence(line)) {
      if (!in_code) page.blocks.push_back({line.substr(3), "", marker_of(previous), number});
      in_code = !in_code;
    } else if (in_code) {
      page.blocks.back().text += line + "\n";
    } else {
      page.prose += line + "\n";
      add_links(page, line, number);
      if (const auto heading = heading_of(line)) {
        const std::string anchor = anchor_of(*heading);
        const int repeated = seen[anchor]++;
        page.headings.push_back(*heading);
        page.anchors.insert(repeated == 0 ? anchor : anchor + "-" + std::to_string(repeated));
      }
    }
    previous = line;
  }
  return page;
}

std::vector<std::string> inline_code(const std::string& text) {
  static const std::regex code("`([^`\n]+)`");
  std::vector<std::string> result;
  for (std::sregex_iterator it(text.begin(), text.end(), code), end; it != end; ++it) result.push_back((*it)[1]);
  return result;
}

std::string region(const std::string& text, const std::string& name) {
  std::vector<std::string> lines;
  bool inside = false;
  for (const auto& line : split_lines(text)) {
    if (is_region_marker(line, "end" + name)) return without_shared_indentation(lines);
    if (inside && !is_region_marker(line, "")) lines.push_back(line);
    inside = inside || is_region_marker(line, name);
  }
  return "";
}

}  // namespace modelpool_test
