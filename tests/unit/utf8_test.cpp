// SPDX-License-Identifier: Apache-2.0
#include "base/utf8.hpp"

#include <string>

#include "support/catch.hpp"

using namespace modelpool;

TEST_CASE("every code point is valid UTF-8 and survives a round trip", "[utf8]") {
  bool all_equal = true;
  for (char32_t code = 0; code <= 0x10FFFF; ++code) {
    if (code == 0xD800) code = 0xE000;
    std::string text;
    utf8::append(text, code);
    std::size_t at = 0;
    std::size_t end = text.size();
    all_equal = all_equal && !utf8::first_invalid(text) && utf8::next(text, at) == code && at == text.size() &&
                utf8::previous(text, end) == code && end == 0;
  }
  CHECK(all_equal);
}

TEST_CASE("the first bad byte of invalid UTF-8 is found", "[utf8]") {
  const auto [bad, name] =
      GENERATE(table<std::string, std::string>({{"\x80", "a lone continuation"},
                                                {"\xC0\xAF", "an overlong slash"},
                                                {"\xC1\xBF", "an overlong form of two bytes"},
                                                {"\xE0\x9F\xBF", "an overlong form of three bytes"},
                                                {"\xED\xA0\x80", "a surrogate"},
                                                {"\xF0\x8F\xBF\xBF", "an overlong form of four bytes"},
                                                {"\xF4\x90\x80\x80", "above U+10FFFF"},
                                                {"\xF5\x80\x80\x80", "no lead byte"},
                                                {"\xFF", "never a byte of UTF-8"},
                                                {"\xE4\xB8", "cut off"},
                                                {"\xF0\x9F\x98", "cut off after three"},
                                                {"\xC3(", "no continuation"}}));
  CAPTURE(name);
  const std::size_t before = GENERATE(0U, 1U, 7U, 8U, 9U, 16U);
  CHECK(utf8::first_invalid(std::string(before, 'a') + bad) == before);
  CHECK(utf8::first_invalid(std::string(before, 'a') + bad + "aaaaaaaaaaaaaaaaa") == before);
}

TEST_CASE("text without a bad byte is valid, with NUL bytes too", "[utf8]") {
  CHECK_FALSE(utf8::first_invalid(""));
  CHECK_FALSE(utf8::first_invalid(std::string(9, '\0')));
  CHECK_FALSE(utf8::first_invalid("aaaaaaa\xC3\xA9 \xF0\x9F\x98\x80"));
}

TEST_CASE("length counts code points", "[utf8]") { CHECK(utf8::length("a\xC3\xA9\xF0\x9F\x98\x80") == 3); }
