// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/collapse_spaces.hpp"

#include <algorithm>

namespace modelpool::tokenizers {

void CollapseSpaces::normalize(Text& text) const {
  const std::string_view old = text.view();
  std::size_t at = old.find("  ");
  if (at == std::string_view::npos) return;
  text.start_rewrite();
  std::size_t done = 0;
  for (; at != std::string_view::npos; at = old.find("  ", done)) {
    text.append_part({static_cast<std::uint32_t>(done), static_cast<std::uint32_t>(at)});
    done = std::min(old.find_first_not_of(' ', at), old.size()) - 1;  // the last space of the run
  }
  text.append_part({static_cast<std::uint32_t>(done), static_cast<std::uint32_t>(old.size())});
  text.finish_rewrite();
}

}  // namespace modelpool::tokenizers
