// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/precompiled.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/utf8.hpp"
#include "modelpool/error.hpp"
#include "tokenizers/json_node.hpp"
#include "tokenizers/unicode/grapheme.hpp"

namespace modelpool::tokenizers {
namespace {

constexpr std::size_t kUnit = 4;  // bytes

std::uint32_t little_endian(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = kUnit; i > 0; --i) value = value << 8U | static_cast<unsigned char>(bytes[at + i - 1]);
  return value;
}

// A unit of the trie. One that a byte leads to has that byte as its label; the value of a leaf lies at its offset.
bool has_leaf(std::uint32_t unit) { return (unit >> 8U & 1U) != 0; }
std::uint32_t value(std::uint32_t unit) { return unit & 0x7FFFFFFFU; }
std::uint32_t label(std::uint32_t unit) { return unit & 0x800000FFU; }
std::size_t offset(std::uint32_t unit) { return std::size_t{unit >> 10U} << ((unit & 0x200U) >> 6U); }

// True inside a character; replacements are pointed to from outside, perhaps wrongly.
bool continues(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; }

// nullopt where the text is not base 64.
std::optional<std::string> from_base64(std::string_view text) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (text.size() % 4 != 0) return std::nullopt;
  std::array<std::uint8_t, 256> value_of{};
  value_of.fill(64);
  for (std::size_t i = 0; i < kDigits.size(); ++i)
    value_of[static_cast<unsigned char>(kDigits[i])] = static_cast<std::uint8_t>(i);
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::uint32_t digit = i < text.size() - padding ? value_of[static_cast<unsigned char>(text[i])] : 0;
    if (digit == 64) return std::nullopt;
    bits = bits << 6U | digit;
    if (i % 4 != 3) continue;
    for (const unsigned shift : {16U, 8U, 0U}) bytes.push_back(static_cast<char>(bits >> shift & 0xFFU));
    bits = 0;
  }
  bytes.resize(bytes.size() - padding);
  return bytes;
}

}  // namespace

Charsmap::Charsmap(std::string_view bytes, const std::string& file, const std::string& item) {
  const auto fail = [&](const std::string& problem) -> void { throw LoadError{file, item, std::nullopt, problem}; };
  if (bytes.size() < kUnit) fail("is too short for a map of characters");
  const std::size_t size = little_endian(bytes, 0) / kUnit * kUnit;
  bytes.remove_prefix(kUnit);
  if (size == 0 || size > bytes.size())
    fail(fmt::format("says that its trie has {} bytes, but {} follow", size, bytes.size()));
  units_.reserve(size / kUnit);
  for (std::size_t at = 0; at < size; at += kUnit) units_.push_back(little_endian(bytes, at));
  replacements_ = bytes.substr(size);
  if (utf8::first_invalid(replacements_)) fail("has replacements that are not valid UTF-8");
}

std::optional<std::string_view> Charsmap::replacement(std::string_view chunk) const noexcept {
  std::size_t node = offset(unit(0));
  for (const char c : chunk) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == 0) break;
    node ^= byte;
    const std::uint32_t here = unit(node);
    if (label(here) != byte) break;
    node ^= offset(here);
    if (!has_leaf(here)) continue;
    const std::size_t begin = value(unit(node));
    if (begin > replacements_.size() || continues(replacements_[begin])) break;  // not made by SentencePiece
    return std::string_view(replacements_.c_str() + begin);
  }
  return std::nullopt;
}

/// Rewrites from the first cluster that changes on.
///
/// Origins follow `tokenizers`: the characters of a replacement take the places of old characters in turn; those too
/// many share the place of the one before them, and where there are too few, the last takes the rest along. So a
/// character is written only when it is known that nothing behind it is dropped.
class Precompiled::Rewrite {
 public:
  Rewrite(const Precompiled& rules, Text& text) : rules_(rules), text_(text), old_(text.view()) {}

  void run() {
    for (std::size_t at = 0; at < old_.size();) {
      std::size_t end = at;
      while (end < old_.size() && is_plain(end)) ++end;
      if (end > at) {
        if (changing_) keep(at, end);
        at = end;
        continue;
      }
      end = unicode::grapheme_end(old_, at);
      cluster(at, end);
      at = end;
    }
    if (!changing_) return;
    flush();
    text_.finish_rewrite();
  }

 private:
  static constexpr std::size_t kMostBytes = 5;  // of a cluster that is replaced as a whole
  struct Written {
    char32_t code;
    std::ptrdiff_t added;  // 1: a new character; 0: in the place of an old one; -n: and of the n after it
  };

  // No ASCII character joins the one before it, but for LF after CR.
  [[nodiscard]] bool is_plain(std::size_t at) const {
    return rules_.plain_[static_cast<unsigned char>(old_[at])] &&
           (at + 1 == old_.size() || static_cast<unsigned char>(old_[at + 1]) < 0x80);
  }

  void cluster(std::size_t begin, std::size_t end) {
    if (end - begin <= kMostBytes)
      if (const auto replacement = rules_.charsmap_.replacement(old_.substr(begin, end - begin)))
        return replace(begin, end, *replacement);
    for (std::size_t at = begin; at < end;) {
      const std::size_t start = at;
      (void)utf8::next(old_, at);
      if (const auto replacement = rules_.charsmap_.replacement(old_.substr(start, at - start)))
        replace(start, at, *replacement);
      else if (changing_)
        keep(start, at);
    }
  }

  void keep(std::size_t begin, std::size_t end) {
    if (!text_.with_origins())
      return text_.append_part({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)});
    while (begin < end) write({utf8::next(old_, begin), 0});
  }

  void replace(std::size_t begin, std::size_t end, std::string_view replacement) {
    if (!changing_) {
      changing_ = true;
      text_.start_rewrite();
      keep(0, begin);
    }
    if (!text_.with_origins()) return text_.append_bytes(replacement, {});
    const auto old_count = static_cast<std::ptrdiff_t>(utf8::length(old_.substr(begin, end - begin)));
    std::ptrdiff_t count = 0;
    for (std::size_t at = 0; at < replacement.size(); ++count)
      write({utf8::next(replacement, at), count < old_count ? 0 : 1});
    if (count < old_count && last_) last_->added += count - old_count;
  }

  void write(Written next) {
    flush();
    last_ = next;
  }

  void flush() {
    if (!last_) return;
    if (last_->added > 0) return text_.append(last_->code, text_.origin(place_ - 1));
    const Origin origin = text_.origin(place_);
    for (std::ptrdiff_t i = last_->added; i <= 0; ++i) (void)utf8::next(old_, place_);
    text_.append(last_->code, origin);
  }

  const Precompiled& rules_;
  Text& text_;
  std::string_view old_;
  bool changing_ = false;
  std::optional<Written> last_;  // not in the text yet
  std::size_t place_ = 0;        // in the old text, of the next character whose place is taken
};

Precompiled::Precompiled(Charsmap charsmap) : charsmap_(std::move(charsmap)), plain_() {
  for (unsigned char c = 0; c < 0x80; ++c) {
    const char byte = static_cast<char>(c);
    plain_[c] = c != '\r' && !charsmap_.replacement({&byte, 1});
  }
}

void Precompiled::normalize(Text& text) const { Rewrite(*this, text).run(); }

std::string read_charsmap(const JsonNode& node) {
  const auto bytes = from_base64(node.string());
  if (!bytes) node.fail("is not base 64");
  return *bytes;
}

}  // namespace modelpool::tokenizers
