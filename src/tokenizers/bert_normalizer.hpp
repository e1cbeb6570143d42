// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>

#include "tokenizers/components.hpp"

namespace modelpool::tokenizers {

/// Field names are the keys of tokenizer.json.
struct BertNormalizerOptions {
  bool clean_text = true;
  bool handle_chinese_chars = true;
  std::optional<bool> strip_accents = std::nullopt;  ///< nullopt: as `lowercase`
  bool lowercase = true;
};

/// BERT's cleaning of text: drops control characters, makes all white space a space, puts spaces around Chinese
/// characters, strips accents, lowercases. Source: tokenizers, normalizers/bert.rs.
class BertNormalizer final : public Normalizer {
 public:
  explicit BertNormalizer(const BertNormalizerOptions& options);
  void normalize(Text& text) const override;

 private:
  class Rewrite;
  struct AsciiRule {
    char becomes;
    bool kept;
  };
  void normalize_ascii(Text& text) const;

  bool clean_text_;
  bool handle_chinese_chars_;
  bool strip_accents_;
  bool lowercase_;
  std::array<AsciiRule, 128> ascii_;
};

}  // namespace modelpool::tokenizers
