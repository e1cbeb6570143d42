// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/byte_level.hpp"

#include <algorithm>

#include "base/utf8.hpp"
#include "tokenizers/gpt2_words.hpp"
#include "tokenizers/lossy.hpp"

namespace modelpool::tokenizers {
namespace {

constexpr bool is_printable(unsigned byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

constexpr std::array<char32_t, 256> characters() {
  std::array<char32_t, 256> result{};
  char32_t next = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) result[byte] = is_printable(byte) ? byte : next++;
  return result;
}

constexpr std::array<char32_t, 256> kCharacters = characters();
constexpr std::size_t kCharacterEnd = 0x144;  // one above the largest

constexpr std::array<std::int16_t, kCharacterEnd> bytes() {
  std::array<std::int16_t, kCharacterEnd> result{};
  for (auto& byte : result) byte = -1;
  for (unsigned byte = 0; byte < 256; ++byte) result[kCharacters[byte]] = static_cast<std::int16_t>(byte);
  return result;
}

constexpr std::array<std::int16_t, kCharacterEnd> kBytes = bytes();

// A word that begins with a space keeps it; the others get one, which comes from where their first character does.
void prepend_spaces(Text& text, std::vector<Range>& words) {
  const auto has_space = [&](Range word) { return text.view()[word.begin] == ' '; };
  if (std::all_of(words.begin(), words.end(), has_space)) return;
  text.start_rewrite();
  for (Range& word : words) {
    const std::uint32_t begin = text.rewritten();
    if (!has_space(word)) text.append(U' ', text.origin(word.begin));
    text.append_part(word);
    word = {begin, text.rewritten()};
  }
  text.finish_rewrite();
}

}  // namespace

char32_t byte_character(unsigned char byte) noexcept { return kCharacters[byte]; }

std::optional<unsigned char> character_byte(char32_t code) noexcept {
  if (code >= kCharacterEnd || kBytes[code] < 0) return std::nullopt;
  return static_cast<unsigned char>(kBytes[code]);
}

std::optional<std::string> spelled_bytes(std::string_view token) {
  std::string result;
  for (std::size_t at = 0; at < token.size();) {
    const auto byte = character_byte(utf8::next(token, at));
    if (!byte) return std::nullopt;
    result.push_back(static_cast<char>(*byte));
  }
  return result;
}

void spell_bytes(Text& text, std::vector<Range>& words) {
  text.start_rewrite();
  for (Range& word : words) {
    const std::uint32_t begin = text.rewritten();
    for (std::uint32_t at = word.begin; at < word.end; ++at)
      text.append(byte_character(static_cast<unsigned char>(text.view()[at])), text.origin(at));
    word = {begin, text.rewritten()};
  }
  text.finish_rewrite();
  text.set_spelled(false);
}

void ByteLevelPreTokenizer::split(Text& text, std::vector<Range>& words) const {
  if (add_prefix_space_) prepend_spaces(text, words);
  if (use_regex_) {
    std::vector<Range> finer;
    finer.reserve(text.view().size() / 4);
    for (const Range word : words) split_gpt2(text.view(), word, finer);
    words.swap(finer);
  }
  text.set_spelled(true);
}

void ByteLevelNormalizer::normalize(Text& text) const {
  std::vector<Range> all{{0, static_cast<std::uint32_t>(text.view().size())}};
  spell_bytes(text, all);
}

std::vector<std::string> ByteLevelDecoder::decode(std::span<const std::string_view> tokens) const {
  std::string joined;
  for (const std::string_view token : tokens) {
    const auto bytes = spelled_bytes(token);
    joined += bytes ? *bytes : token;
  }
  return {with_replacements(joined)};
}

}  // namespace modelpool::tokenizers
