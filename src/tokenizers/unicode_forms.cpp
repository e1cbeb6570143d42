// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/unicode_forms.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "base/utf8.hpp"
#include "tokenizers/transform.hpp"
#include "tokenizers/unicode/normalization.hpp"
#include "tokenizers/unicode/unicode.hpp"

namespace modelpool::tokenizers {
namespace {

/// A character on its way, with what it means for the old text (Transform::write).
struct Written {
  char32_t code = 0;
  int change = 0;
  std::uint8_t order = 0;  // of its canonical combining class; 0 for a starter
};

/// Composes what comes in canonical order.
class Composer {
 public:
  explicit Composer(Transform& out) : out_(out) {}

  void add(const Written& next) {
    if (!starter_) {
      if (next.order != 0) return out_.write(next.code, next.change);
      starter_ = next;
      return;
    }
    // A mark is blocked from the starter by one of the same class, or a higher one, between them.
    const bool blocked = last_order_ && *last_order_ >= next.order;
    if (!blocked) {
      if (const auto composed = unicode::compose(starter_->code, next.code)) {
        starter_->code = *composed;
        starter_->change += next.change - 1;
        return;
      }
    }
    if (next.order == 0) {
      flush();
      starter_ = next;
      return;
    }
    marks_.push_back(next);
    last_order_ = next.order;
  }

  void flush() {
    if (starter_) out_.write(starter_->code, starter_->change);
    for (const Written& mark : marks_) out_.write(mark.code, mark.change);
    starter_.reset();
    marks_.clear();
    last_order_.reset();
  }

 private:
  Transform& out_;
  std::optional<Written> starter_;
  std::vector<Written> marks_;  // that stay behind the starter
  std::optional<std::uint8_t> last_order_;
};

/// Decomposes characters and sorts their marks.
template <class Out>
class Decomposer {
 public:
  Decomposer(Out out, bool compatible) : out_(out), compatible_(compatible) {}

  void add(char32_t code) {
    std::array<char32_t, unicode::kLongestCompatible> parts;
    const std::size_t count = decompose(code, parts);
    for (std::size_t i = 0; i < count; ++i) place(parts[i], i == 0 ? 0 : 1);
  }

  void flush() {
    std::stable_sort(marks_.begin(), marks_.end(),
                     [](const Written& a, const Written& b) { return a.order < b.order; });
    for (const Written& mark : marks_) out_(mark);
    marks_.clear();
  }

 private:
  [[nodiscard]] std::size_t decompose(char32_t code, std::span<char32_t, unicode::kLongestCompatible> out) const {
    if (compatible_) return unicode::decompose_compatible(code, out);
    out[0] = code;
    const bool decomposes = (unicode::record(code).flags & unicode::kDecomposes) != 0;
    return decomposes ? unicode::decompose(code, out.first<unicode::kLongestDecomposition>()) : 1;
  }

  void place(char32_t code, int change) {
    const Written written{code, change, unicode::record(code).combining_order};
    if (written.order != 0) {
      marks_.push_back(written);
      return;
    }
    flush();
    out_(written);
  }

  Out out_;
  bool compatible_;
  std::vector<Written> marks_;
};

template <class Out>
void decompose_text(std::string_view text, bool compatible, Out out) {
  Decomposer<Out> decomposer(out, compatible);
  for_each_character(text, [&](char32_t code) { decomposer.add(code); });
  decomposer.flush();
}

bool is_own_decomposition(char32_t code, bool compatible) {
  if ((unicode::record(code).flags & unicode::kDecomposes) != 0) return false;
  std::array<char32_t, unicode::kLongestCompatible> parts;
  return !compatible || (unicode::decompose_compatible(code, parts) == 1 && parts[0] == code);
}

}  // namespace

// Most text is normal, or has no character that any form changes.
bool UnicodeForm::is_normal(std::string_view text) const {
  for (std::size_t at = 0; at < text.size();) {
    if (at + 8 <= text.size() && utf8::eight_ascii(text.data() + at)) {
      at += 8;
      continue;
    }
    const char32_t code = utf8::next(text, at);
    if (code < 0x80) continue;
    if (unicode::record(code).combining_order != 0) return false;
    const bool stays = options_.compose && !options_.compatible ? unicode::is_composed(code)
                       : options_.compose ? unicode::is_composed(code) && is_own_decomposition(code, true)
                                          : is_own_decomposition(code, options_.compatible);
    if (!stays) return false;
  }
  return true;
}

void UnicodeForm::normalize(Text& text) const {
  if (is_normal(text.view())) return;
  Transform out(text);
  if (options_.compose) {
    Composer composer(out);
    decompose_text(text.view(), options_.compatible, [&](const Written& next) { composer.add(next); });
    composer.flush();
  } else {
    decompose_text(text.view(), options_.compatible, [&](const Written& next) { out.write(next.code, next.change); });
  }
  out.finish();
}

}  // namespace modelpool::tokenizers
