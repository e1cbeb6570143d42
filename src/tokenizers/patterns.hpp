// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizers/regex.hpp"

namespace modelpool::tokenizers {

class JsonNode;

/// A `pattern` of tokenizer.json: a string, or a regular expression.
class Pattern {
 public:
  explicit Pattern(std::string string) : string_(std::move(string)) {}
  explicit Pattern(Regex regex) : regex_(std::make_shared<const Regex>(std::move(regex))) {}

  /// Its matches from left to right. An empty string matches nowhere.
  [[nodiscard]] std::vector<Range> find_all(std::string_view text) const;

 private:
  std::string string_;
  std::shared_ptr<const Regex> regex_;  // null: a string
};

/// {"String": "…"} or {"Regex": "…"}.
/// @throws LoadError, UnsupportedModel  naming the pattern and what in it is not supported
[[nodiscard]] Pattern read_pattern(const JsonNode& node);

}  // namespace modelpool::tokenizers
