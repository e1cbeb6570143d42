// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/unicode/grapheme.hpp"

#include <array>
#include <cstdint>

#include "base/utf8.hpp"

namespace modelpool::tokenizers::unicode {
namespace {

#include "tokenizers/unicode/grapheme_tables.inc"

// In the order of NAMES in scripts/make_grapheme_tables.py.
enum class Class : std::uint8_t {
  other,
  cr,
  lf,
  control,
  extend,
  linker,  // extends, and joins the consonants on both sides
  zwj,
  regional,
  prepend,
  spacing,
  l,
  v,
  t,
  lv,
  lvt,
  pictographic,
  consonant,
};

Class class_of(char32_t code) {
  constexpr unsigned kBlockBits = 7;
  const std::size_t block = kGraphemeBlockOf[code >> kBlockBits];
  return Class{kGraphemeBlocks[(block << kBlockBits) + (code & ((1U << kBlockBits) - 1U))]};
}

bool is_control(Class c) { return c == Class::cr || c == Class::lf || c == Class::control; }
bool extends(Class c) { return c == Class::extend || c == Class::linker || c == Class::zwj; }

bool syllable_goes_on(Class before, Class after) {
  switch (before) {
    case Class::l:
      return after == Class::l || after == Class::v || after == Class::lv || after == Class::lvt;
    case Class::lv:
    case Class::v:
      return after == Class::v || after == Class::t;
    case Class::lvt:
    case Class::t:
      return after == Class::t;
    default:
      return false;
  }
}

/// What the characters of a cluster so far say about the next one.
class Cluster {
 public:
  explicit Cluster(Class first) : last_(first) { note(first); }

  // The rules GB3 to GB13 in their order.
  [[nodiscard]] bool takes(Class next) const {
    if (last_ == Class::cr) return next == Class::lf;
    if (is_control(last_) || is_control(next)) return false;
    if (syllable_goes_on(last_, next)) return true;
    if (extends(next) || next == Class::spacing || last_ == Class::prepend) return true;
    if (next == Class::consonant) return linked_;
    if (next == Class::pictographic) return pictographic_ && last_ == Class::zwj;
    return next == Class::regional && last_ == Class::regional && regional_ % 2 == 1;
  }

  void add(Class next) {
    note(next);
    last_ = next;
  }

 private:
  void note(Class c) {
    regional_ = c == Class::regional ? regional_ + 1 : 0;
    if (!extends(c)) {
      pictographic_ = c == Class::pictographic;
      consonant_ = c == Class::consonant;
      linked_ = false;
    }
    linked_ = linked_ || (consonant_ && c == Class::linker);
  }

  Class last_;
  unsigned regional_ = 0;      // indicators at the end
  bool pictographic_ = false;  // at the end, but for what extends it
  bool consonant_ = false;     // likewise
  bool linked_ = false;        // that consonant is followed by a linker
};

}  // namespace

std::size_t grapheme_end(std::string_view text, std::size_t at) noexcept {
  std::size_t end = at;
  Cluster cluster(class_of(utf8::next(text, end)));
  while (end < text.size()) {
    std::size_t after = end;
    const Class next = class_of(utf8::next(text, after));
    if (!cluster.takes(next)) break;
    cluster.add(next);
    end = after;
  }
  return end;
}

}  // namespace modelpool::tokenizers::unicode
