// SPDX-License-Identifier: Apache-2.0
#include "weights/strict_json.hpp"

#include <algorithm>
#include <cstddef>

namespace modelpool::detail {
namespace {

/// Walks text and says outside how far the parser has come; the parser copies its iterators.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, std::size_t* consumed) : at_(at), consumed_(consumed) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    ++at_;
    ++*consumed_;
    return *this;
  }
  CountingIterator operator++(int) {
    auto before = *this;
    ++*this;
    return before;
  }
  friend bool operator==(const CountingIterator& a, const CountingIterator& b) { return a.at_ == b.at_; }

 private:
  const char* at_;
  std::size_t* consumed_;
};

/// Length of the well-formed UTF-8 sequence at the start of text; 0 where there is none.
std::size_t utf8_sequence_length(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto continues = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return continues(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const bool overlong = first == 0xE0 && byte(1) < 0xA0;
    const bool surrogate = first == 0xED && byte(1) > 0x9F;
    return continues(1) && continues(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const bool overlong = first == 0xF0 && byte(1) < 0x90;
    const bool too_large = first == 0xF4 && byte(1) > 0x8F;
    return continues(1) && continues(2) && continues(3) && !overlong && !too_large ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::optional<std::size_t> first_invalid_utf8(std::string_view text) noexcept {
  for (std::size_t at = 0; at < text.size();) {
    const auto length = utf8_sequence_length(text.substr(at, 4));
    if (length == 0) return at;
    at += length;
  }
  return std::nullopt;
}

void JsonReader::read(std::string_view text) {
  text_ = text;
  consumed_ = 0;
  // The parser takes a NUL for the end of the text and would not look at what follows.
  if (const auto nul = text.find('\0'); nul != std::string_view::npos)
    throw LoadError{file_, "", base_offset_ + nul, "is not JSON: a NUL byte"};
  nlohmann::json::sax_parse(CountingIterator{text.data(), &consumed_},
                            CountingIterator{text.data() + text.size(), &consumed_}, this);
}

bool JsonReader::parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) {
  if (const auto bad = first_invalid_utf8(text_)) throw LoadError{file_, "", base_offset_ + *bad, "is not UTF-8"};
  const auto at = std::min(position == 0 ? 0 : position - 1, text_.size());
  throw LoadError{file_, "", base_offset_ + at, at == text_.size() ? "is not JSON: it ends too early" : "is not JSON"};
}

void JsonReader::fail(const std::string& item, const std::string& problem) const {
  throw LoadError{file_, item, base_offset_ + (consumed_ == 0 ? 0 : consumed_ - 1), problem};
}

}  // namespace modelpool::detail
