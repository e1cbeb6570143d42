// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/bert_normalizer.hpp"

#include <algorithm>

#include "base/utf8.hpp"
#include "tokenizers/unicode/unicode.hpp"

namespace modelpool::tokenizers {

using unicode::Record;

namespace {

// The one character of which the lowercase is two: i and a combining dot.
constexpr char32_t kCapitalIWithDot = 0x130;
constexpr char32_t kCombiningDot = 0x307;

char32_t lower(char32_t code, const Record& record) {
  return static_cast<char32_t>(static_cast<std::int64_t>(code) + record.to_lower);
}

bool all_ascii(std::string_view text) {
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8)
    if (!utf8::eight_ascii(text.data() + at)) return false;
  return std::all_of(text.begin() + static_cast<std::ptrdiff_t>(at), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

}  // namespace

/// One pass over a text that is not all ASCII.
///
/// The four steps apply to each code point in turn, but for one thing that reaches over several: decomposed marks are
/// sorted by combining class. They wait in `marks_` until the next starter.
///
/// Origins follow `tokenizers`: of what one character decomposes into, the first takes the place of a character of the
/// old text, the others share the place before them; sorting moves marks, not places.
class BertNormalizer::Rewrite {
 public:
  Rewrite(const BertNormalizer& rules, Text& text) : rules_(rules), text_(text) {}

  void run() {
    text_.start_rewrite();
    const std::string_view old = text_.view();
    for (std::size_t at = 0; at < old.size();) {
      const Origin origin = text_.origin(at);
      const auto byte = static_cast<unsigned char>(old[at]);
      if (byte < 0x80) {
        ++at;
        ascii(rules_.ascii_[byte], origin);
      } else {
        clean(utf8::next(old, at), origin);
      }
    }
    flush_marks();
    text_.finish_rewrite();
  }

 private:
  struct Mark {
    char32_t code;
    const Record* record;
    bool takes_place;
  };

  void ascii(AsciiRule rule, Origin origin) {
    if (!rule.kept) return;
    start(origin);
    text_.append(static_cast<unsigned char>(rule.becomes), origin);
  }

  void clean(char32_t code, Origin origin) {
    const Record& record = unicode::record(code);
    if (rules_.clean_text_ && (record.flags & unicode::kRemoved) != 0) return;
    if (rules_.clean_text_ && (record.flags & unicode::kWhiteSpace) != 0) return space(origin);
    const bool apart = rules_.handle_chinese_chars_ && (record.flags & unicode::kChinese) != 0;
    if (apart) space(origin);
    if (rules_.strip_accents_)
      decompose(code, record, origin);
    else
      emit(code, record, origin);
    if (apart) space(origin);
  }

  void space(Origin origin) {
    start(origin);
    text_.append(U' ', origin);
  }

  void decompose(char32_t code, const Record& record, Origin origin) {
    if ((record.flags & unicode::kDecomposes) == 0) return place(code, record, origin, true);
    std::array<char32_t, unicode::kLongestDecomposition> parts;
    const std::size_t count = unicode::decompose(code, parts);
    for (std::size_t i = 0; i < count; ++i) place(parts[i], unicode::record(parts[i]), origin, i == 0);
  }

  void place(char32_t code, const Record& record, Origin origin, bool takes_place) {
    if (record.combining_order != 0) {
      marks_.push_back({code, &record, takes_place});
      if (takes_place) places_.push_back(origin);
      return;
    }
    start(origin);
    if ((record.flags & unicode::kNonspacing) == 0) emit(code, record, origin);
  }

  void start(Origin origin) {
    flush_marks();
    last_place_ = origin;
  }

  void flush_marks() {
    if (marks_.empty()) return;
    std::stable_sort(marks_.begin(), marks_.end(), [](const Mark& a, const Mark& b) {
      return a.record->combining_order < b.record->combining_order;
    });
    auto next_place = places_.begin();
    for (const Mark& mark : marks_) {
      if (mark.takes_place) last_place_ = *next_place++;
      if ((mark.record->flags & unicode::kNonspacing) == 0) emit(mark.code, *mark.record, last_place_);
    }
    marks_.clear();
    places_.clear();
  }

  void emit(char32_t code, const Record& record, Origin origin) {
    if (!rules_.lowercase_) return text_.append(code, origin);
    if (code == kCapitalIWithDot) {
      text_.append(U'i', origin);
      return text_.append(kCombiningDot, origin);
    }
    text_.append(lower(code, record), origin);
  }

  const BertNormalizer& rules_;
  Text& text_;
  std::vector<Mark> marks_;
  std::vector<Origin> places_;  // of the marks that take one, in the order of the old text
  Origin last_place_;
};

BertNormalizer::BertNormalizer(const BertNormalizerOptions& options)
    : clean_text_(options.clean_text),
      handle_chinese_chars_(options.handle_chinese_chars),
      strip_accents_(options.strip_accents.value_or(options.lowercase)),
      lowercase_(options.lowercase),
      ascii_() {
  for (std::size_t c = 0; c < ascii_.size(); ++c) {
    const auto code = static_cast<char32_t>(c);
    const Record& record = unicode::record(code);
    const bool removed = clean_text_ && (record.flags & unicode::kRemoved) != 0;
    const bool space = clean_text_ && (record.flags & unicode::kWhiteSpace) != 0;
    const char32_t kept = lowercase_ ? lower(code, record) : code;
    ascii_[c] = {static_cast<char>(space ? U' ' : kept), !removed};
  }
}

void BertNormalizer::normalize(Text& text) const {
  if (all_ascii(text.view())) return normalize_ascii(text);
  Rewrite(*this, text).run();
}

void BertNormalizer::normalize_ascii(Text& text) const {
  std::string& bytes = text.bytes();
  std::size_t kept = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    const AsciiRule rule = ascii_[static_cast<unsigned char>(bytes[at])];
    if (text.with_origins()) text.origins()[kept] = text.origins()[at];
    bytes[kept] = rule.becomes;
    kept += rule.kept ? 1 : 0;
  }
  bytes.resize(kept);
  if (text.with_origins()) text.origins().resize(kept);
}

}  // namespace modelpool::tokenizers
