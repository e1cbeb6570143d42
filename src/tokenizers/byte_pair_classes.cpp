// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/byte_pair_classes.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/escape.hpp"
#include "modelpool/error.hpp"
#include "tokenizers/byte_level.hpp"
#include "tokenizers/byte_pair_reader.hpp"
#include "tokenizers/document.hpp"
#include "tokenizers/offset_trimming.hpp"
#include "tokenizers/readers.hpp"
#include "tokenizers/template_processing.hpp"

namespace modelpool::tokenizers {
namespace {

using Kind = BytePairClass;
using Piece = TemplatePiece::Kind;

// The named tokens that a class has though no file names them.
std::vector<std::pair<const char*, const char*>> named_tokens(Kind kind) {
  if (kind == Kind::roberta)
    return {{"bos_token", "<s>"},   {"eos_token", "</s>"}, {"unk_token", "<unk>"},  {"sep_token", "</s>"},
            {"pad_token", "<pad>"}, {"cls_token", "<s>"},  {"mask_token", "<mask>"}};
  return {{"bos_token", "<|endoftext|>"}, {"eos_token", "<|endoftext|>"}, {"unk_token", "<|endoftext|>"}};
}

TokenizerConfig with_named_tokens(Kind kind, TokenizerConfig config) {
  for (const auto& [name, content] : named_tokens(kind)) {
    const auto same = [wanted = name](const auto& named) { return named.name == wanted; };
    if (std::none_of(config.special_tokens.begin(), config.special_tokens.end(), same))
      config.special_tokens.push_back({name, {.content = content, .special = true}});
  }
  config.sort_special_tokens();
  return config;
}

std::int32_t id_of(const PipelineParts& parts, const std::string& token, const std::string& file) {
  if (const auto id = parts.added.token_to_id(token)) return *id;
  if (const auto id = parts.model->token_to_id(token)) return *id;
  throw LoadError{file, "", std::nullopt, "has no token \"" + escaped(token) + "\", which its class needs"};
}

TemplatePiece text(Piece kind, std::int32_t type_id) { return {kind, type_id, {}}; }
TemplatePiece special(std::int32_t id, std::int32_t type_id) { return {Piece::special, type_id, {id}}; }

// [BOS] A [EOS], and the same with type 1 for the second of a pair, each token where the folder asks for it.
Template gpt2_template(const PipelineParts& parts, const TokenizerConfig& config, const std::string& file) {
  std::vector<TemplatePiece> pieces;
  const auto add = [&](Piece kind, std::int32_t type_id) {
    if (config.add_bos_token.value_or(false))
      pieces.push_back(special(id_of(parts, config.special_token("bos_token", ""), file), type_id));
    pieces.push_back(text(kind, type_id));
    if (config.add_eos_token.value_or(false))
      pieces.push_back(special(id_of(parts, config.special_token("eos_token", ""), file), type_id));
  };
  add(Piece::first_text, 0);
  const std::vector<TemplatePiece> single = pieces;
  add(Piece::second_text, 1);
  return {single, pieces};
}

// The start of a transcript without its language and task, which the manager sets.
Template whisper_template(const PipelineParts& parts, const TokenizerConfig& config, const std::string& file) {
  if (!config.language.empty())
    throw UnsupportedModel{"tokenizer_config.json", "language", escaped(config.language), {"null"}};
  if (!config.task.empty()) throw UnsupportedModel{"tokenizer_config.json", "task", escaped(config.task), {"null"}};
  const std::int32_t end = id_of(parts, config.special_token("eos_token", ""), file);
  std::vector<TemplatePiece> start{special(id_of(parts, "<|startoftranscript|>", file), 0)};
  if (!config.predict_timestamps.value_or(false)) start.push_back(special(id_of(parts, "<|notimestamps|>", file), 0));
  start.push_back(text(Piece::first_text, 0));
  std::vector<TemplatePiece> pair = start;
  start.push_back(special(end, 0));
  pair.push_back(text(Piece::second_text, 1));
  pair.push_back(special(end, 1));
  return {start, pair};
}

std::unique_ptr<const PostProcessor> post_processor(Kind kind, const PipelineParts& parts,
                                                    const TokenizerConfig& config, const std::string& file) {
  if (kind == Kind::gpt2) return std::make_unique<TemplateProcessing>(gpt2_template(parts, config, file));
  if (kind == Kind::whisper) return std::make_unique<TemplateProcessing>(whisper_template(parts, config, file));
  return make_roberta(id_of(parts, config.special_token("cls_token", ""), file),
                      id_of(parts, config.special_token("sep_token", ""), file), config.trim_offsets.value_or(true),
                      config.add_prefix_space.value_or(false));
}

}  // namespace

std::optional<BytePairClass> byte_pair_class(std::string_view name) {
  constexpr std::pair<std::string_view, Kind> kNames[] = {{"GPT2Tokenizer", Kind::gpt2},
                                                          {"RobertaTokenizer", Kind::roberta},
                                                          {"BartTokenizer", Kind::roberta},
                                                          {"WhisperTokenizer", Kind::whisper}};
  for (const auto& [known, kind] : kNames)
    if (name == known) return kind;
  return std::nullopt;
}

void apply_byte_pair_config(BytePairClass kind, PipelineParts& parts, const TokenizerConfig& config,
                            const std::string& file) {
  const TokenizerConfig full = with_named_tokens(kind, config);
  parts.normalizer = nullptr;
  parts.pre_tokenizer = std::make_unique<ByteLevelPreTokenizer>(config.add_prefix_space.value_or(false), true);
  parts.decoder = std::make_unique<ByteLevelDecoder>();
  apply_config(parts, full);
  if (kind != Kind::gpt2 || !parts.post_processor) parts.post_processor = post_processor(kind, parts, full, file);
}

PipelineParts read_vocab_and_merges(BytePairClass kind, const NamedText& vocab, const NamedText& merges,
                                    const TokenizerConfig& config) {
  constexpr std::uint64_t kMostId = 1U << 30U;
  const Document document(vocab.text, vocab.file);
  VocabularyEntries entries;
  const JsonNode root = document.root();
  if (!root.is_object()) (void)root.members();
  for (const auto& [token, id] : root.value().items())
    entries.add(token, id.is_number_unsigned() ? id.get<std::uint64_t>() : root.at(token).count(kMostId));
  PipelineParts parts;
  parts.model = std::make_unique<BytePair>(std::move(entries), read_merges_txt(merges.text, merges.file),
                                           BytePairOptions{}, BytePair::Place{vocab.file, "", merges.file, ""});
  apply_byte_pair_config(kind, parts, config, vocab.file);
  return parts;
}

}  // namespace modelpool::tokenizers
