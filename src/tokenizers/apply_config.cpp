// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "tokenizers/bert_normalizer.hpp"
#include "tokenizers/bert_pre_tokenizer.hpp"
#include "tokenizers/byte_pair.hpp"
#include "tokenizers/offset_trimming.hpp"
#include "tokenizers/readers.hpp"
#include "tokenizers/template_processing.hpp"
#include "tokenizers/word_piece_decoder.hpp"

namespace modelpool::tokenizers {
namespace {

// The tokens of the files in the order in which transformers adds them, which decides the ids of new ones.
std::vector<AddedToken> tokens_to_add(const AddedVocabulary& added, const TokenizerConfig& config) {
  std::vector<AddedToken> tokens;
  for (const auto& [id, token] : config.added_tokens) tokens.push_back(token);
  const auto add_if_new = [&](const AddedToken& token) {
    const auto same = [&](const AddedToken& other) { return other.content == token.content; };
    if (!added.token_to_id(token.content) && std::none_of(tokens.begin(), tokens.end(), same)) tokens.push_back(token);
  };
  for (const auto& named : config.special_tokens) add_if_new(named.token);
  for (const auto& token : config.extra_special_tokens) add_if_new(token);
  return tokens;
}

using NamedTokens = std::vector<std::pair<const char*, AddedToken>>;

AddedToken special(const char* content) { return {.content = content, .special = true}; }

NamedTokens bert_tokens() {
  return {{"unk_token", special("[UNK]")},
          {"sep_token", special("[SEP]")},
          {"pad_token", special("[PAD]")},
          {"cls_token", special("[CLS]")},
          {"mask_token", special("[MASK]")}};
}

NamedTokens mpnet_tokens() {
  AddedToken mask = special("<mask>");
  mask.lstrip = true;
  return {{"bos_token", special("<s>")},  {"eos_token", special("</s>")},  {"sep_token", special("</s>")},
          {"cls_token", special("<s>")},  {"unk_token", special("[UNK]")}, {"pad_token", special("<pad>")},
          {"mask_token", std::move(mask)}};
}

// A class has its special tokens, named in the files or not. One that is written as a string has the class's flags.
TokenizerConfig with_tokens(const TokenizerConfig& config, const NamedTokens& of_class) {
  TokenizerConfig result = config;
  for (const auto& [name, token] : of_class) {
    const auto same = [wanted = name](const auto& named) { return named.name == wanted; };
    auto& tokens = result.special_tokens;
    const auto found = std::find_if(tokens.begin(), tokens.end(), same);
    if (found == tokens.end())
      tokens.push_back({name, token});
    else if (found->token == special(found->token.content.c_str()))
      found->token.lstrip = token.lstrip;
  }
  result.sort_special_tokens();
  return result;
}

void apply_word_piece_config(PipelineParts& parts, const TokenizerConfig& config, const NamedTokens& of_class) {
  parts.normalizer = std::make_unique<BertNormalizer>(
      BertNormalizerOptions{.handle_chinese_chars = config.tokenize_chinese_chars.value_or(true),
                            .strip_accents = config.strip_accents,
                            .lowercase = config.do_lower_case.value_or(true)});
  parts.pre_tokenizer = std::make_unique<BertPreTokenizer>();
  parts.decoder = std::make_unique<WordPieceDecoder>("##", true);
  apply_config(parts, with_tokens(config, of_class));
}

}  // namespace

void apply_config(PipelineParts& parts, const TokenizerConfig& config) {
  parts.added.add(tokens_to_add(parts.added, config), *parts.model, parts.normalizer.get());
  parts.model_max_length = config.model_max_length;
  // transformers does not clean up after byte-pair models, whatever the folder says: their spaces are the text's.
  const bool byte_pair = dynamic_cast<const BytePair*>(parts.model.get()) != nullptr;
  parts.clean_up_tokenization_spaces = config.clean_up_tokenization_spaces && !byte_pair;
  parts.truncate_left = config.truncate_left.value_or(parts.truncate_left);
}

void apply_bert_config(PipelineParts& parts, const TokenizerConfig& config) {
  apply_word_piece_config(parts, config, bert_tokens());
  const auto id_of = [&](const char* name, const char* otherwise) {
    return *parts.added.token_to_id(config.special_token(name, otherwise));
  };
  parts.post_processor =
      std::make_unique<TemplateProcessing>(bert_template(id_of("cls_token", "[CLS]"), id_of("sep_token", "[SEP]")));
}

void apply_mpnet_config(PipelineParts& parts, const TokenizerConfig& config) {
  apply_word_piece_config(parts, config, mpnet_tokens());
  const auto id_of = [&](const char* name, const char* otherwise) {
    return *parts.added.token_to_id(config.special_token(name, otherwise));
  };
  parts.post_processor = make_roberta(id_of("cls_token", "<s>"), id_of("sep_token", "</s>"), true, false);
}

}  // namespace modelpool::tokenizers
