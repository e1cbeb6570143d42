// SPDX-License-Identifier: Apache-2.0
#include "support/expected_output.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <regex>
#include <span>
#include <utility>

namespace modelpool_test {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kPlaceholders{{
    {"{number}", R"([-+]?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?)"},
    {"{word}", "[^ ]+"},
    {"{text}", ".+"},
}};
constexpr std::string_view kAnyLines = "{lines}";

std::string without_extra_spaces(std::string_view line) {
  std::string result;
  for (const char c : line) {
    if (c == ' ' && (result.empty() || result.back() == ' ')) continue;
    result += c;
  }
  if (!result.empty() && result.back() == ' ') result.pop_back();
  return result;
}

void append_escaped(std::string& expression, char c) {
  constexpr std::string_view special = R"(.^$|()[]{}*+?\/)";
  if (special.find(c) != std::string_view::npos) expression += '\\';
  expression += c;
}

std::string to_expression(std::string_view pattern) {
  std::string expression;
  while (!pattern.empty()) {
    const auto found = std::find_if(kPlaceholders.begin(), kPlaceholders.end(),
                                    [&](const auto& placeholder) { return pattern.starts_with(placeholder.first); });
    if (found == kPlaceholders.end()) {
      append_escaped(expression, pattern.front());
      pattern.remove_prefix(1);
    } else {
      expression += found->second;
      pattern.remove_prefix(found->first.size());
    }
  }
  return expression;
}

struct Match {
  bool whole = false;
  std::size_t furthest_pattern = 0;  // index of the pattern's line at which the longest attempt ended
  std::size_t furthest_actual = 0;
};

using Lines = std::span<const std::string>;

void match(Lines pattern, Lines actual, std::size_t p, std::size_t a, Match& result) {
  for (; p < pattern.size() && !result.whole; ++p, ++a) {
    if (pattern[p] == kAnyLines) {
      for (std::size_t skip = a; skip <= actual.size() && !result.whole; ++skip)
        match(pattern, actual, p + 1, skip, result);
      return;
    }
    if (a >= result.furthest_actual) {
      result.furthest_actual = a;
      result.furthest_pattern = p;
    }
    if (a == actual.size() || !line_matches(pattern[p], actual[a])) return;
  }
  if (a == actual.size()) {
    result.whole = true;
  } else if (a >= result.furthest_actual) {
    result.furthest_actual = a;
    result.furthest_pattern = p;
  }
}

std::string quoted(Lines lines, std::size_t i) { return i < lines.size() ? '"' + lines[i] + '"' : "the end"; }

}  // namespace

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

bool line_matches(std::string_view pattern, std::string_view line) {
  return std::regex_match(without_extra_spaces(line), std::regex(to_expression(without_extra_spaces(pattern))));
}

std::optional<std::string> mismatch(std::string_view pattern, std::string_view actual) {
  const auto pattern_lines = split_lines(pattern);
  const auto actual_lines = split_lines(actual);
  Match result;
  match(pattern_lines, actual_lines, 0, 0, result);
  if (result.whole) return std::nullopt;
  return "line " + std::to_string(result.furthest_actual + 1) + " is " + quoted(actual_lines, result.furthest_actual) +
         ", expected " + quoted(pattern_lines, result.furthest_pattern);
}

bool matches_part(std::string_view pattern, std::string_view part) {
  const auto pattern_lines = split_lines(pattern);
  const auto part_lines = split_lines(part);
  if (part_lines.empty()) return false;
  for (std::size_t first = 0; first + part_lines.size() <= pattern_lines.size(); ++first) {
    std::size_t i = 0;
    while (i < part_lines.size() && line_matches(pattern_lines[first + i], part_lines[i])) ++i;
    if (i == part_lines.size()) return true;
  }
  return false;
}

}  // namespace modelpool_test
