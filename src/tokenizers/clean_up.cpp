// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/clean_up.hpp"

#include <span>
#include <utility>

namespace modelpool::tokenizers {
namespace {

using Rule = std::pair<std::string_view, std::string_view>;

// The order matters: each rule sees what the one before it left.
constexpr Rule kBeforeDoNot[] = {{" .", "."},  {" ?", "?"},     {" !", "!"},  {" ,", ","},
                                 {" ' ", "'"}, {" n't", "n't"}, {" 'm", "'m"}};
constexpr Rule kDoNot[] = {{" do not", " don't"}};
constexpr Rule kAfterDoNot[] = {{" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};

void apply(std::string& text, std::span<const Rule> rules) {
  for (const auto& [old_part, new_part] : rules) replace_all(text, old_part, new_part);
}

}  // namespace

void replace_all(std::string& text, std::string_view old_part, std::string_view new_part) {
  std::size_t found = text.find(old_part);
  if (found == std::string::npos) return;
  std::string result;
  std::size_t from = 0;
  for (; found != std::string::npos; found = text.find(old_part, from)) {
    result.append(text, from, found - from).append(new_part);
    from = found + old_part.size();
  }
  result.append(text, from);
  text = std::move(result);
}

void clean_up_spaces(std::string& text) {
  apply(text, kBeforeDoNot);
  apply(text, kAfterDoNot);
}

void clean_up_word_piece(std::string& text) {
  apply(text, kBeforeDoNot);
  apply(text, kDoNot);
  apply(text, kAfterDoNot);
}

}  // namespace modelpool::tokenizers
