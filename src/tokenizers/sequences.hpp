// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include "tokenizers/byte_level.hpp"
#include "tokenizers/components.hpp"

namespace modelpool::tokenizers {

/// Normalizers one after another.
class NormalizerSequence final : public Normalizer {
 public:
  /// @param parts  null ones are left out
  explicit NormalizerSequence(std::vector<std::unique_ptr<const Normalizer>> parts) : parts_(std::move(parts)) {}

  void normalize(Text& text) const override {
    for (const auto& part : parts_)
      if (part) part->normalize(text);
  }

 private:
  std::vector<std::unique_ptr<const Normalizer>> parts_;
};

/// Pre-tokenizers one after another; each splits what the one before it left.
class PreTokenizerSequence final : public PreTokenizer {
 public:
  /// @param parts  null ones are left out
  explicit PreTokenizerSequence(std::vector<std::unique_ptr<const PreTokenizer>> parts) : parts_(std::move(parts)) {}

  void split(Text& text, std::vector<Range>& words) const override {
    for (const auto& part : parts_) {
      if (!part) continue;
      if (text.spelled()) spell_bytes(text, words);
      part->split(text, words);
    }
  }

  [[nodiscard]] bool needs_origins() const noexcept override {
    for (const auto& part : parts_)
      if (part && part->needs_origins()) return true;
    return false;
  }

 private:
  std::vector<std::unique_ptr<const PreTokenizer>> parts_;
};

}  // namespace modelpool::tokenizers
