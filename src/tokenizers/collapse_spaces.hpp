// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tokenizers/components.hpp"

namespace modelpool::tokenizers {

/// Makes several spaces in a row one. As Replace of " {2,}" by " " in `tokenizers`, that one comes from the last.
class CollapseSpaces final : public Normalizer {
 public:
  void normalize(Text& text) const override;
};

}  // namespace modelpool::tokenizers
