// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "base/utf8.hpp"
#include "modelpool/error.hpp"
#include "tokenizers/bert_normalizer.hpp"
#include "tokenizers/bert_pre_tokenizer.hpp"
#include "tokenizers/readers.hpp"
#include "tokenizers/template_processing.hpp"
#include "tokenizers/unicode/unicode.hpp"
#include "tokenizers/word_piece.hpp"
#include "tokenizers/word_piece_decoder.hpp"

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

// A BERT tokenizer has these special tokens, named in its files or not, and adds them in this order.
TokenizerConfig with_bert_tokens(const TokenizerConfig& config) {
  constexpr std::pair<const char*, const char*> kNamed[] = {
      {"bos_token", ""},      {"eos_token", ""},      {"unk_token", "[UNK]"},  {"sep_token", "[SEP]"},
      {"pad_token", "[PAD]"}, {"cls_token", "[CLS]"}, {"mask_token", "[MASK]"}};
  TokenizerConfig result = config;
  result.special_tokens.clear();
  for (const auto& [name, otherwise] : kNamed) {
    const auto same = [&, wanted = name](const auto& named) { return named.name == wanted; };
    const auto found = std::find_if(config.special_tokens.begin(), config.special_tokens.end(), same);
    result.special_tokens.push_back(found != config.special_tokens.end()
                                        ? *found
                                        : TokenizerConfig::Named{name, {.content = otherwise, .special = true}});
  }
  return result;
}

}  // namespace

PipelineParts read_vocab_txt(std::string_view text, const std::string& file, const TokenizerConfig& config) {
  if (const auto bad = utf8::first_invalid(text)) throw LoadError{file, "", *bad, "is not valid UTF-8 from here on"};
  PipelineParts parts;
  const WordPieceOptions model{.unk_token = config.special_token("unk_token", "[UNK]")};
  parts.model = std::make_unique<WordPiece>(lines_of(text), model, file, "");
  parts.normalizer = std::make_unique<BertNormalizer>(
      BertNormalizerOptions{.handle_chinese_chars = config.tokenize_chinese_chars.value_or(true),
                            .strip_accents = config.strip_accents,
                            .lowercase = config.do_lower_case.value_or(true)});
  parts.pre_tokenizer = std::make_unique<BertPreTokenizer>();
  parts.decoder = std::make_unique<WordPieceDecoder>("##", true);
  apply_config(parts, with_bert_tokens(config));
  const auto id_of = [&](const char* name, const char* otherwise) {
    return *parts.added.token_to_id(config.special_token(name, otherwise));
  };
  parts.post_processor =
      std::make_unique<TemplateProcessing>(bert_template(id_of("cls_token", "[CLS]"), id_of("sep_token", "[SEP]")));
  return parts;
}

}  // namespace modelpool::tokenizers
