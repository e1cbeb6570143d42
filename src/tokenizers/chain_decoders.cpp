// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/chain_decoders.hpp"

#include <charconv>
#include <limits>
#include <utility>

#include "base/utf8.hpp"
#include "modelpool/error.hpp"
#include "tokenizers/byte_level.hpp"
#include "tokenizers/clean_up.hpp"
#include "tokenizers/json_node.hpp"

namespace modelpool::tokenizers {
namespace {

using Pieces = std::vector<std::string>;

// The suffix at a token's end becomes a space; at the last token's, nothing.
class SuffixDecoder final : public Decoder {
 public:
  explicit SuffixDecoder(std::string suffix) : suffix_(std::move(suffix)) {}
  [[nodiscard]] Pieces decode(std::span<const std::string_view> tokens) const override {
    Pieces pieces(tokens.begin(), tokens.end());
    for (std::size_t i = 0; i < pieces.size(); ++i)
      if (!suffix_.empty()) replace_all(pieces[i], suffix_, i + 1 < pieces.size() ? " " : "");
    return pieces;
  }

 private:
  std::string suffix_;
};

// Tokens <0x00> … in a row are bytes; where they are not UTF-8, each becomes U+FFFD.
class ByteFallbackDecoder final : public Decoder {
 public:
  [[nodiscard]] Pieces decode(std::span<const std::string_view> tokens) const override {
    Pieces pieces;
    std::string bytes;
    for (const std::string_view token : tokens) {
      if (const auto byte = byte_of(token)) {
        bytes.push_back(*byte);
        continue;
      }
      flush(bytes, pieces);
      pieces.emplace_back(token);
    }
    flush(bytes, pieces);
    return pieces;
  }

 private:
  static std::optional<char> byte_of(std::string_view token) {
    if (token.size() != 6 || !token.starts_with("<0x") || !token.ends_with('>')) return std::nullopt;
    unsigned byte = 0;
    const auto [end, error] = std::from_chars(token.data() + 3, token.data() + 5, byte, 16);
    if (error != std::errc{} || end != token.data() + 5) return std::nullopt;
    return static_cast<char>(static_cast<unsigned char>(byte));
  }

  static void flush(std::string& bytes, Pieces& pieces) {
    if (bytes.empty()) return;
    if (utf8::first_invalid(bytes))
      pieces.insert(pieces.end(), bytes.size(), "\xEF\xBF\xBD");
    else
      pieces.push_back(bytes);
    bytes.clear();
  }
};

class FuseDecoder final : public Decoder {
 public:
  [[nodiscard]] Pieces decode(std::span<const std::string_view> tokens) const override {
    std::string text;
    for (const std::string_view token : tokens) text += token;
    return {text};
  }
};

class ReplaceDecoder final : public Decoder {
 public:
  ReplaceDecoder(std::string pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}
  [[nodiscard]] Pieces decode(std::span<const std::string_view> tokens) const override {
    Pieces pieces(tokens.begin(), tokens.end());
    for (auto& piece : pieces) replace_all(piece, pattern_, content_);
    return pieces;
  }

 private:
  std::string pattern_;
  std::string content_;
};

// Takes up to so many of a character off the ends of each piece.
class StripDecoder final : public Decoder {
 public:
  struct Options {
    char32_t content = U' ';
    std::size_t start = 0;
    std::size_t stop = 0;
  };
  explicit StripDecoder(Options options) : options_(options) {}
  [[nodiscard]] Pieces decode(std::span<const std::string_view> tokens) const override {
    Pieces pieces;
    for (const std::string_view token : tokens) pieces.emplace_back(stripped(token));
    return pieces;
  }

 private:
  // Each end is looked at in the whole piece, so that both may take the same characters.
  [[nodiscard]] std::string_view stripped(std::string_view piece) const {
    std::size_t begin = 0;
    for (std::size_t i = 0, at = 0; i < options_.start && at < piece.size(); ++i) {
      if (utf8::next(piece, at) != options_.content) break;
      begin = at;
    }
    std::size_t end = piece.size();
    for (std::size_t i = 0, at = end; i < options_.stop && at > 0; ++i) {
      if (utf8::previous(piece, at) != options_.content) break;
      end = at;
    }
    return begin < end ? piece.substr(begin, end - begin) : std::string_view{};
  }

  Options options_;
};

class DecoderSequence final : public Decoder {
 public:
  explicit DecoderSequence(std::vector<std::unique_ptr<const Decoder>> parts) : parts_(std::move(parts)) {}
  [[nodiscard]] Pieces decode(std::span<const std::string_view> tokens) const override {
    Pieces pieces(tokens.begin(), tokens.end());
    for (const auto& part : parts_) {
      const std::vector<std::string_view> views(pieces.begin(), pieces.end());
      pieces = part->decode(views);
    }
    return pieces;
  }

 private:
  std::vector<std::unique_ptr<const Decoder>> parts_;
};

std::unique_ptr<const Decoder> make_replace(const JsonNode& node) {
  const JsonNode pattern = node.at("pattern");
  const auto string = pattern.find("String");
  if (!string)
    throw UnsupportedModel{node.file(), pattern.path(), "a regular expression", {"a pattern of type String"}};
  if (string->string().empty()) string->fail("is empty");
  return std::make_unique<ReplaceDecoder>(string->string(), node.at("content").string());
}

std::unique_ptr<const Decoder> make_strip(const JsonNode& node) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
  const JsonNode content = node.at("content");
  if (utf8::length(content.string()) != 1) content.fail("must be one character");
  std::size_t at = 0;
  return std::make_unique<StripDecoder>(StripDecoder::Options{
      utf8::next(content.string(), at), node.at("start").count(kMost), node.at("stop").count(kMost)});
}

std::unique_ptr<const Decoder> make_sequence(const JsonNode& node) {
  std::vector<std::unique_ptr<const Decoder>> parts;
  for (const auto& part : node.at("decoders").elements()) {
    if (part.is_null()) part.fail("is null, but must be a decoder");
    parts.push_back(make_decoder(part));
  }
  return std::make_unique<DecoderSequence>(std::move(parts));
}

}  // namespace

std::unique_ptr<const Decoder> make_chain_decoder(const JsonNode& node) {
  const std::string& type = node.type();
  if (type == "BPEDecoder") return std::make_unique<SuffixDecoder>(node.at("suffix").string());
  if (type == "ByteFallback") return std::make_unique<ByteFallbackDecoder>();
  if (type == "ByteLevel") return std::make_unique<ByteLevelDecoder>();
  if (type == "Fuse") return std::make_unique<FuseDecoder>();
  if (type == "Replace") return make_replace(node);
  if (type == "Sequence") return make_sequence(node);
  if (type == "Strip") return make_strip(node);
  return nullptr;
}

}  // namespace modelpool::tokenizers
