// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tokenizers/components.hpp"

namespace modelpool::tokenizers {

/// NFC, NFD, NFKC or NFKD. Source: The Unicode Standard, section 3.11; origins as `tokenizers` gives them.
class UnicodeForm final : public Normalizer {
 public:
  struct Options {
    bool compatible = false;
    bool compose = false;
  };
  explicit UnicodeForm(Options options) : options_(options) {}
  void normalize(Text& text) const override;

 private:
  [[nodiscard]] bool is_normal(std::string_view text) const;
  Options options_;
};

}  // namespace modelpool::tokenizers
