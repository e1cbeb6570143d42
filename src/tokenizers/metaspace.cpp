// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/metaspace.hpp"

#include <utility>

#include "base/utf8.hpp"
#include "tokenizers/clean_up.hpp"
#include "tokenizers/json_node.hpp"

namespace modelpool::tokenizers {
namespace {

PrependScheme scheme_of(const JsonNode& node) {
  if (node.string() == "always") return PrependScheme::always;
  if (node.string() == "never") return PrependScheme::never;
  if (node.string() == "first") return PrependScheme::first;
  node.fail("must be \"always\", \"never\" or \"first\"");
}

}  // namespace

MetaspaceOptions read_metaspace(const JsonNode& node) {
  MetaspaceOptions options;
  const JsonNode replacement = node.at("replacement");
  options.replacement = replacement.string();
  if (utf8::length(options.replacement) != 1) replacement.fail("must be one character");
  const auto scheme = node.find("prepend_scheme");
  if (scheme) options.prepend_scheme = scheme_of(*scheme);
  const auto prefix = node.find("add_prefix_space");
  if (prefix && !prefix->boolean()) {
    if (options.prepend_scheme != PrependScheme::never && scheme)
      prefix->fail("is false, but prepend_scheme is not \"never\"");
    options.prepend_scheme = PrependScheme::never;
  }
  if (const auto split = node.find("split")) options.split = split->boolean();
  return options;
}

/// Writes the words behind one another, without what stood between them.
class MetaspacePreTokenizer::Rewrite {
 public:
  Rewrite(const MetaspaceOptions& options, Text& text, std::vector<Range>& words)
      : options_(options), text_(text), words_(words) {
    text_.start_rewrite();
  }

  void add(Range word) {
    begin_ = text_.rewritten();
    const char front = text_.view()[word.begin];
    if (front != ' ' && !is_mark(word.begin, word.end) && prepends(word)) mark(word.begin);
    std::uint32_t run = word.begin;
    for (std::uint32_t at = word.begin; at < word.end;) {
      const char byte = text_.view()[at];
      if (byte != ' ' && (byte != options_.replacement.front() || !is_mark(at, word.end))) {
        ++at;
        continue;
      }
      text_.append_part({run, at});
      if (options_.split) end_word();
      mark(at);
      at += byte == ' ' ? 1 : static_cast<std::uint32_t>(options_.replacement.size());
      run = at;
    }
    text_.append_part({run, word.end});
    end_word();
  }

 private:
  [[nodiscard]] bool is_mark(std::uint32_t at, std::uint32_t end) const {
    return text_.view().substr(at, end - at).starts_with(options_.replacement);
  }

  [[nodiscard]] bool prepends(Range word) const {
    return options_.prepend_scheme == PrependScheme::always ||
           (options_.prepend_scheme == PrependScheme::first && text_.origin(word.begin).start == 0);
  }

  void mark(std::uint32_t at) { text_.append_bytes(options_.replacement, text_.origin(at)); }

  void end_word() {
    const std::uint32_t end = text_.rewritten();
    if (end > begin_) words_.push_back({begin_, end});
    begin_ = end;
  }

  const MetaspaceOptions& options_;
  Text& text_;
  std::vector<Range>& words_;
  std::uint32_t begin_ = 0;  // of the word that is being written
};

MetaspacePreTokenizer::MetaspacePreTokenizer(MetaspaceOptions options) : options_(std::move(options)) {}

bool MetaspacePreTokenizer::needs_origins() const noexcept { return options_.prepend_scheme == PrependScheme::first; }

void MetaspacePreTokenizer::split(Text& text, std::vector<Range>& words) const {
  std::vector<Range> finer;
  finer.reserve(words.size() + 16);
  Rewrite rewrite(options_, text, finer);
  for (const Range word : words) rewrite.add(word);
  text.finish_rewrite();
  words.swap(finer);
}

MetaspaceDecoder::MetaspaceDecoder(MetaspaceOptions options) : options_(std::move(options)) {}

std::vector<std::string> MetaspaceDecoder::decode(std::span<const std::string_view> tokens) const {
  std::vector<std::string> pieces;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    std::string piece(tokens[i]);
    const bool drops = i == 0 && options_.prepend_scheme != PrependScheme::never;
    replace_all(piece, options_.replacement, drops ? "" : " ");
    pieces.push_back(std::move(piece));
  }
  return pieces;
}

}  // namespace modelpool::tokenizers
