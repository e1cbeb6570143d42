// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/patterns.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/escape.hpp"
#include "modelpool/error.hpp"
#include "tokenizers/json_node.hpp"

namespace modelpool::tokenizers {

std::vector<Range> Pattern::find_all(std::string_view text) const {
  if (regex_) return regex_->find_all(text);
  std::vector<Range> matches;
  if (string_.empty()) return matches;
  for (std::size_t at = text.find(string_); at != std::string_view::npos; at = text.find(string_, at + string_.size()))
    matches.push_back({static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(at + string_.size())});
  return matches;
}

Pattern read_pattern(const JsonNode& node) {
  if (const auto string = node.find("String")) return Pattern(string->string());
  const JsonNode regex = node.at("Regex");
  try {
    return Pattern(Regex(regex.string()));
  } catch (const RegexError& error) {
    throw UnsupportedModel{node.file(),
                           regex.path(),
                           fmt::format("{} (it has {})", escaped(regex.string()), escaped(error.problem())),
                           {"patterns of groups, sets, general categories, repetitions and assertions"}};
  }
}

}  // namespace modelpool::tokenizers
