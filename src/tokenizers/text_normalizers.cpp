// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/text_normalizers.hpp"

#include <utility>

#include "base/utf8.hpp"
#include "tokenizers/byte_level.hpp"
#include "tokenizers/json_node.hpp"
#include "tokenizers/patterns.hpp"
#include "tokenizers/transform.hpp"
#include "tokenizers/unicode/normalization.hpp"
#include "tokenizers/unicode/unicode.hpp"
#include "tokenizers/unicode_forms.hpp"

namespace modelpool::tokenizers {
namespace {

bool is_space(char32_t code) { return (unicode::record(code).flags & unicode::kWhiteSpace) != 0; }

class Lowercase final : public Normalizer {
 public:
  void normalize(Text& text) const override {
    Transform out(text);
    for_each_character(text.view(), [&](char32_t code) {
      constexpr char32_t kCapitalIWithDot = 0x130;  // the one character of which the lowercase is two
      if (code == kCapitalIWithDot) {
        out.write(U'i', 0);
        return out.write(0x307, 1);
      }
      out.write(static_cast<char32_t>(static_cast<std::int64_t>(code) + unicode::record(code).to_lower), 0);
    });
    out.finish();
  }
};

/// Drops characters, and replaces others by one each.
template <char32_t (*Becomes)(char32_t)>
class Filter final : public Normalizer {
 public:
  void normalize(Text& text) const override {
    Transform out(text);
    for_each_character(text.view(), [&](char32_t code) {
      const char32_t becomes = Becomes(code);
      if (becomes == kDropped)
        out.skip(1);
      else
        out.write(becomes, 0);
    });
    out.finish();
  }
  static constexpr char32_t kDropped = 0xFFFFFFFF;
};

char32_t without_accents(char32_t code) { return unicode::is_combining_mark(code) ? 0xFFFFFFFF : code; }

// What the normalizer of SentencePiece's "nmt" rules does to control characters and unusual spaces.
char32_t nmt(char32_t code) {
  const bool dropped = (code >= 0x01 && code <= 0x08) || code == 0x0B || (code >= 0x0E && code <= 0x1F) ||
                       code == 0x7F || code == 0x8F || code == 0x9F;
  if (dropped) return 0xFFFFFFFF;
  const bool space = code == 0x09 || code == 0x0A || code == 0x0C || code == 0x0D || code == 0x1680 ||
                     (code >= 0x200B && code <= 0x200F) || code == 0x2028 || code == 0x2029 || code == 0x2581 ||
                     code == 0xFEFF || code == 0xFFFD;
  return space ? U' ' : code;
}

class Strip final : public Normalizer {
 public:
  Strip(bool left, bool right) : left_(left), right_(right) {}
  void normalize(Text& text) const override {
    const std::string_view old = text.view();
    std::size_t begin = 0;
    for (std::size_t at = 0; left_ && at < old.size() && is_space(utf8::next(old, at));) begin = at;
    std::size_t end = old.size();
    for (std::size_t at = end; right_ && at > begin && is_space(utf8::previous(old, at));) end = at;
    text.start_rewrite();
    text.append_part({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)});
    text.finish_rewrite();
  }

 private:
  bool left_;
  bool right_;
};

// What is put in comes from where the first character does.
class Prepend final : public Normalizer {
 public:
  explicit Prepend(std::string prefix) : prefix_(std::move(prefix)) {}
  void normalize(Text& text) const override {
    const auto size = static_cast<std::uint32_t>(text.view().size());
    if (size == 0) return;
    text.start_rewrite();
    text.append_bytes(prefix_, text.origin(0));
    text.append_part({0, size});
    text.finish_rewrite();
  }

 private:
  std::string prefix_;
};

// What is put in comes from where the last byte of the match does.
class Replace final : public Normalizer {
 public:
  Replace(Pattern pattern, std::string content) : pattern_(std::move(pattern)), content_(std::move(content)) {}
  void normalize(Text& text) const override {
    const auto matches = pattern_.find_all(text.view());
    if (matches.empty()) return;
    text.start_rewrite();
    std::uint32_t done = 0;
    for (const Range match : matches) {
      text.append_part({done, match.begin});
      text.append_bytes(content_, match.end == 0 ? Origin{} : text.origin(match.end - 1));
      done = match.end;
    }
    text.append_part({done, static_cast<std::uint32_t>(text.view().size())});
    text.finish_rewrite();
  }

 private:
  Pattern pattern_;
  std::string content_;
};

}  // namespace

std::unique_ptr<const Normalizer> make_text_normalizer(const JsonNode& node) {
  const std::string& type = node.type();
  if (type == "ByteLevel") return std::make_unique<ByteLevelNormalizer>();
  if (type == "Lowercase") return std::make_unique<Lowercase>();
  if (type == "NFC") return std::make_unique<UnicodeForm>(UnicodeForm::Options{.compatible = false, .compose = true});
  if (type == "NFD") return std::make_unique<UnicodeForm>(UnicodeForm::Options{.compatible = false, .compose = false});
  if (type == "NFKC") return std::make_unique<UnicodeForm>(UnicodeForm::Options{.compatible = true, .compose = true});
  if (type == "NFKD") return std::make_unique<UnicodeForm>(UnicodeForm::Options{.compatible = true, .compose = false});
  if (type == "Nmt") return std::make_unique<Filter<nmt>>();
  if (type == "Prepend") return std::make_unique<Prepend>(node.at("prepend").string());
  if (type == "Replace")
    return std::make_unique<Replace>(read_pattern(node.at("pattern")), node.at("content").string());
  if (type == "Strip")
    return std::make_unique<Strip>(node.at("strip_left").boolean(), node.at("strip_right").boolean());
  if (type == "StripAccents") return std::make_unique<Filter<without_accents>>();
  return nullptr;
}

}  // namespace modelpool::tokenizers
