// SPDX-License-Identifier: Apache-2.0
#include "base/utf8.hpp"
#include "modelpool/error.hpp"
#include "tokenizers/readers.hpp"
#include "tokenizers/unicode/unicode.hpp"
#include "tokenizers/word_piece.hpp"

namespace modelpool::tokenizers {
namespace {

std::string_view without_trailing_space(std::string_view line) {
  for (std::size_t start = line.size(); start > 0; line = line.substr(0, start))
    if ((unicode::record(utf8::previous(line, start)).flags & unicode::kWhiteSpace) == 0) break;
  return line;
}

// A newline at the end of the file starts no line.
VocabularyEntries lines_of(std::string_view text) {
  VocabularyEntries entries;
  for (std::uint64_t id = 0; !text.empty(); ++id) {
    const std::size_t end = text.find('\n');
    entries.add(without_trailing_space(text.substr(0, end)), id);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  }
  return entries;
}

}  // namespace

PipelineParts read_vocab_txt(std::string_view text, const std::string& file, const TokenizerConfig& config) {
  if (const auto bad = utf8::first_invalid(text)) throw LoadError{file, "", *bad, "is not valid UTF-8 from here on"};
  PipelineParts parts;
  const WordPieceOptions options{.unk_token = config.special_token("unk_token", "[UNK]")};
  parts.model = std::make_unique<WordPiece>(lines_of(text), options, file, "");
  config.is_mpnet() ? apply_mpnet_config(parts, config) : apply_bert_config(parts, config);
  return parts;
}

}  // namespace modelpool::tokenizers
