// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/sentencepiece_classes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "modelpool/error.hpp"
#include "tokenizers/collapse_spaces.hpp"
#include "tokenizers/metaspace.hpp"
#include "tokenizers/precompiled.hpp"
#include "tokenizers/readers.hpp"
#include "tokenizers/sequences.hpp"
#include "tokenizers/spm_model.hpp"
#include "tokenizers/template_processing.hpp"
#include "tokenizers/unigram.hpp"
#include "tokenizers/white_space_split.hpp"

namespace modelpool::tokenizers {
namespace {

using Kind = SentencePieceClass;

// The languages of mBART-50; those of mBART are the first 25.
constexpr std::array kLanguages{"ar_AR", "cs_CZ", "de_DE", "en_XX", "es_XX", "et_EE", "fi_FI", "fr_XX", "gu_IN",
                                "hi_IN", "it_IT", "ja_XX", "kk_KZ", "ko_KR", "lt_LT", "lv_LV", "my_MM", "ne_NP",
                                "nl_XX", "ro_RO", "ru_RU", "si_LK", "tr_TR", "vi_VN", "zh_CN", "af_ZA", "az_AZ",
                                "bn_IN", "fa_IR", "he_IL", "hr_HR", "id_ID", "ka_GE", "km_KH", "mk_MK", "ml_IN",
                                "mn_MN", "mr_IN", "pl_PL", "ps_AF", "pt_XX", "sv_SE", "sw_KE", "ta_IN", "te_IN",
                                "th_TH", "tl_XX", "uk_UA", "ur_PK", "xh_ZA", "gl_ES", "sl_SI"};
constexpr std::size_t kMBartLanguages = 25;

std::span<const char* const> languages(Kind kind) {
  if (kind == Kind::mbart50) return kLanguages;
  return std::span(kLanguages).first(kind == Kind::mbart ? kMBartLanguages : 0);
}

AddedToken special(std::string content) { return {.content = std::move(content), .special = true}; }

// The named tokens that the class has though no file names them.
std::vector<std::pair<const char*, AddedToken>> named_tokens(Kind kind) {
  std::vector<std::pair<const char*, AddedToken>> tokens{
      {"eos_token", special("</s>")}, {"unk_token", special("<unk>")}, {"pad_token", special("<pad>")}};
  if (kind == Kind::t5) return tokens;
  AddedToken mask = special("<mask>");
  mask.lstrip = kind != Kind::xlm_roberta;
  if (kind != Kind::mbart50) tokens.emplace_back("bos_token", special("<s>"));
  tokens.emplace_back("sep_token", special("</s>"));
  tokens.emplace_back("cls_token", special("<s>"));
  tokens.emplace_back("mask_token", mask);
  return tokens;
}

TokenizerConfig with_named_tokens(Kind kind, TokenizerConfig config) {
  for (const auto& [name, token] : named_tokens(kind)) {
    const auto same = [wanted = name](const auto& named) { return named.name == wanted; };
    const auto found = std::find_if(config.special_tokens.begin(), config.special_tokens.end(), same);
    if (found == config.special_tokens.end())
      config.special_tokens.push_back({name, token});
    else if (found->token == special(found->token.content))
      found->token.lstrip = token.lstrip;  // written as a string: the class gives the flags
  }
  config.sort_special_tokens();
  return config;
}

// Further special tokens of the class, where the folder has no list of its own.
// @param of_model  those of the SentencePiece model, where that is what is read
std::vector<AddedToken> extra_tokens(Kind kind, const std::vector<AddedToken>& of_model, std::size_t extra_ids) {
  std::vector<AddedToken> tokens = of_model;
  if (kind == Kind::t5)
    for (std::size_t i = 0; i < extra_ids; ++i) tokens.push_back(special(fmt::format("<extra_id_{}>", i)));
  if (kind == Kind::camembert && of_model.empty())
    for (const char* name : {"<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED"}) tokens.push_back(special(name));
  const auto codes = languages(kind);
  for (const char* code : codes) tokens.push_back(special(code));
  if (kind == Kind::mbart)
    std::rotate(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(of_model.size()), tokens.end());
  return tokens;
}

std::int32_t unk_id(Kind kind, const PieceEntries& pieces, const TokenizerConfig& config) {
  if (kind == Kind::t5) return 2;
  if (kind != Kind::camembert) return 3;
  const std::string unk = config.special_token("unk_token", "<unk>");
  for (std::size_t id = 0; id < pieces.tokens.size(); ++id)
    if (pieces.tokens.token(id) == unk) return static_cast<std::int32_t>(id);
  return 0;
}

std::unique_ptr<const Normalizer> make_normalizer(Kind kind, const SentencePieceSource& source) {
  if (kind == Kind::mbart) return nullptr;  // whatever the file has
  std::vector<std::unique_ptr<const Normalizer>> parts;
  if (!source.charsmap.empty())
    parts.push_back(std::make_unique<Precompiled>(Charsmap(source.charsmap, source.file, "precompiled_charsmap")));
  if (kind == Kind::mbart50) parts.push_back(std::make_unique<CollapseSpaces>());
  if (parts.size() == 1) return std::move(parts.front());
  return parts.empty() ? nullptr : std::make_unique<NormalizerSequence>(std::move(parts));
}

std::unique_ptr<const PreTokenizer> make_pre_tokenizer(Kind kind, const MetaspaceOptions& options) {
  if (kind == Kind::mbart50) return std::make_unique<MetaspacePreTokenizer>(options);
  std::vector<std::unique_ptr<const PreTokenizer>> parts;
  parts.push_back(std::make_unique<WhitespaceSplit>());
  parts.push_back(std::make_unique<MetaspacePreTokenizer>(options));
  return std::make_unique<PreTokenizerSequence>(std::move(parts));
}

Template make_template(Kind kind, const PipelineParts& parts, const TokenizerConfig& config) {
  const auto piece = [&](const std::string& token) {
    auto id = parts.added.token_to_id(token);
    if (!id) id = parts.model->token_to_id(token);
    if (!id) id = parts.added.token_to_id(config.special_token("unk_token", "<unk>"));
    return TemplatePiece{TemplatePiece::Kind::special, 0, {*id}};
  };
  const TemplatePiece a{TemplatePiece::Kind::first_text, 0, {}};
  const TemplatePiece b{TemplatePiece::Kind::second_text, 0, {}};
  const TemplatePiece eos = piece(config.special_token("eos_token", "</s>"));
  if (kind == Kind::t5) return {{a, eos}, {a, eos, b, eos}};
  const TemplatePiece language = piece(config.src_lang.empty() ? "en_XX" : config.src_lang);
  if (kind == Kind::mbart) return {{a, eos, language}, {a, b, eos, language}};
  if (kind == Kind::mbart50) return {{language, a, eos}, {language, a, b, eos}};
  const TemplatePiece bos = piece(config.special_token("bos_token", "<s>"));
  return {{bos, a, eos}, {bos, a, eos, eos, b, eos}};
}

PipelineParts build(Kind kind, SentencePieceSource source, const TokenizerConfig& given,
                    const std::vector<AddedToken>& of_model) {
  TokenizerConfig config = with_named_tokens(kind, given);
  if (config.extra_special_tokens.empty())
    config.extra_special_tokens = extra_tokens(kind, of_model, config.extra_ids.value_or(100));
  const bool prefixes = kind == Kind::xlm_roberta || kind == Kind::camembert;
  const bool never = prefixes && config.add_prefix_space == false;
  const MetaspaceOptions metaspace{.prepend_scheme = never ? PrependScheme::never : PrependScheme::always};
  PipelineParts parts;
  parts.normalizer = make_normalizer(kind, source);
  const UnigramOptions options{.unk_id = unk_id(kind, source.pieces, config)};
  if (static_cast<std::size_t>(*options.unk_id) >= source.pieces.tokens.size())
    throw LoadError{source.file, source.item, std::nullopt, "has too few pieces for a tokenizer of its class"};
  parts.model = std::make_unique<Unigram>(std::move(source.pieces), options, source.file, source.item);
  parts.pre_tokenizer = make_pre_tokenizer(kind, metaspace);
  parts.decoder = std::make_unique<MetaspaceDecoder>(metaspace);
  apply_config(parts, config);
  parts.post_processor = std::make_unique<TemplateProcessing>(make_template(kind, parts, config));
  return parts;
}

// transformers numbers the pieces as fairseq did: four special ones in another order, then those from the fourth on.
PieceEntries renumbered(Kind kind, const SpmModel& model, const TokenizerConfig& config) {
  PieceEntries pieces;
  const auto named = [&](const char* name, const char* otherwise) {
    pieces.add(config.special_token(name, otherwise), 0);
  };
  const auto rest_from = [&](std::size_t first) {
    for (std::size_t i = first; i < model.types.size(); ++i)
      pieces.add(model.pieces.tokens.token(i), model.pieces.scores[i]);
  };
  if (kind == Kind::t5) {
    rest_from(0);
    for (std::size_t i = config.extra_ids.value_or(100); i > 0; --i) pieces.add(fmt::format("<extra_id_{}>", i - 1), 0);
    return pieces;
  }
  if (kind == Kind::camembert) {
    pieces.add("<s>NOTUSED", 0);
    named("pad_token", "<pad>");
    pieces.add("</s>NOTUSED", 0);
    named("unk_token", "<unk>");
    pieces.add("<unk>NOTUSED", -100);
    rest_from(1);
  } else {
    named(kind == Kind::mbart50 ? "cls_token" : "bos_token", "<s>");
    named("pad_token", "<pad>");
    named("eos_token", "</s>");
    named("unk_token", "<unk>");
    rest_from(3);
  }
  for (const char* code : languages(kind)) pieces.add(code, 0);
  named("mask_token", "<mask>");
  return pieces;
}

std::vector<AddedToken> tokens_of(const SpmModel& model) {
  std::vector<AddedToken> tokens;
  for (std::size_t i = 0; i < model.types.size(); ++i)
    if (model.types[i] == SpmModel::Type::control || model.types[i] == SpmModel::Type::user_defined)
      tokens.push_back(
          {.content = std::string(model.pieces.tokens.token(i)), .special = model.types[i] == SpmModel::Type::control});
  return tokens;
}

constexpr std::pair<const char*, Kind> kClasses[] = {{"XLMRobertaTokenizer", Kind::xlm_roberta},
                                                     {"T5Tokenizer", Kind::t5},
                                                     {"MT5Tokenizer", Kind::t5},
                                                     {"MBartTokenizer", Kind::mbart},
                                                     {"MBart50Tokenizer", Kind::mbart50},
                                                     {"CamembertTokenizer", Kind::camembert}};

}  // namespace

std::optional<SentencePieceClass> sentencepiece_class(std::string_view name) {
  for (const auto& [class_name, kind] : kClasses)
    if (name == class_name) return kind;
  return std::nullopt;
}

const char* model_file_of(SentencePieceClass kind) {
  return kind == Kind::t5 ? "spiece.model" : "sentencepiece.bpe.model";
}

PipelineParts make_parts(SentencePieceClass kind, SentencePieceSource source, const TokenizerConfig& config) {
  return build(kind, std::move(source), config, {});
}

PipelineParts read_sentencepiece_model(SentencePieceClass kind, std::string_view bytes, const std::string& file,
                                       const TokenizerConfig& config) {
  const SpmModel model = SpmModel::read(bytes, file);
  return build(kind, {renumbered(kind, model, config), model.charsmap, file, ""}, config, tokens_of(model));
}

}  // namespace modelpool::tokenizers
