// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/tokenizer_config.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "tokenizers/document.hpp"

namespace modelpool::tokenizers {
namespace {

namespace fs = std::filesystem;

constexpr std::array kNames{"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};

std::optional<Document> document_of(const fs::path& path) {
  std::error_code error;
  if (fs::symlink_status(path, error).type() == fs::file_type::not_found) return std::nullopt;
  return Document(read_file(path), path.string());
}

std::optional<bool> flag(const JsonNode& node, std::string_view key) {
  const auto value = node.find(key);
  return value ? std::optional(value->boolean()) : std::nullopt;
}

// A token is written as a string, or as an object with its flags.
AddedToken token_of(const JsonNode& node, bool special) {
  if (node.is_string()) return {.content = node.string(), .special = special};
  return {.content = node.at("content").string(),
          .special = special || flag(node, "special").value_or(false),
          .single_word = flag(node, "single_word").value_or(false),
          .lstrip = flag(node, "lstrip").value_or(false),
          .rstrip = flag(node, "rstrip").value_or(false),
          .normalized = flag(node, "normalized").value_or(!special)};
}

std::optional<std::size_t> max_length_of(const JsonNode& node) {
  constexpr double kAbsurd = 1e9;  // transformers writes 1e30 for "unknown"
  const double value = node.number();
  if (value < 1) node.fail("must be at least 1, or null where there is no limit");
  return value > kAbsurd ? std::nullopt : std::optional(static_cast<std::size_t>(value));
}

bool is_left(const JsonNode& node) {
  if (node.string() != "left" && node.string() != "right") node.fail("must be \"left\" or \"right\"");
  return node.string() == "left";
}

void read_special_tokens(TokenizerConfig& config, const JsonNode& root) {
  for (const std::string name : kNames) {
    const auto value = root.find(name);
    if (!value) continue;
    const auto same = [&](const auto& named) { return named.name == name; };
    std::erase_if(config.special_tokens, same);
    config.special_tokens.push_back({name, token_of(*value, true)});
  }
}

void read_extra_tokens(TokenizerConfig& config, const JsonNode& root) {
  for (const auto* key : {"additional_special_tokens", "extra_special_tokens"}) {
    const auto list = root.find(key);
    if (!list) continue;
    if (list->is_object()) {
      for (const auto& [name, token] : list->members()) config.extra_special_tokens.push_back(token_of(token, true));
    } else {
      for (const auto& token : list->elements()) config.extra_special_tokens.push_back(token_of(token, true));
    }
  }
}

std::uint64_t id_of_key(const std::string& key, const JsonNode& node) {
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
  if (error != std::errc{} || end != key.data() + key.size()) node.fail("stands under a key that is not an id");
  return id;
}

TokensById read_added_tokens_decoder(const JsonNode& node) {
  TokensById tokens;
  for (const auto& [key, token] : node.members()) tokens[id_of_key(key, token)] = token_of(token, false);
  return tokens;
}

// {"token": id}: special where it is one of the named ones.
TokensById read_added_tokens_json(const TokenizerConfig& config, const JsonNode& root) {
  constexpr std::uint64_t kMostId = 1U << 30U;
  TokensById tokens;
  for (const auto& [content, id] : root.members()) {
    const auto same = [&, &name = content](const auto& named) { return named.token.content == name; };
    const bool special = std::any_of(config.special_tokens.begin(), config.special_tokens.end(), same);
    tokens[id.count(kMostId)] = {.content = content, .special = special, .normalized = !special};
  }
  return tokens;
}

void read_older_files(TokenizerConfig& config, const fs::path& folder) {
  const auto map = document_of(folder / "special_tokens_map.json");
  if (map) read_special_tokens(config, map->root());
  const auto added = document_of(folder / "added_tokens.json");
  if (added) config.added_tokens = read_added_tokens_json(config, added->root());
  if (map) read_extra_tokens(config, map->root());
}

std::string without_fast(const std::string& name) {
  constexpr std::string_view kFast = "Fast";
  return name.ends_with(kFast) ? name.substr(0, name.size() - kFast.size()) : name;
}

// What transformers registers for a model type.
std::string class_of_model_type(const std::string& type) {
  constexpr std::array kBertTypes{"bert",       "distilbert",  "electra",      "convbert",
                                  "mobilebert", "squeezebert", "megatron-bert"};
  constexpr std::pair<const char*, const char*> kOthers[] = {{"mpnet", "MPNetTokenizer"},
                                                             {"xlm-roberta", "XLMRobertaTokenizer"},
                                                             {"t5", "T5Tokenizer"},
                                                             {"mt5", "T5Tokenizer"},
                                                             {"mbart", "MBartTokenizer"},
                                                             {"mbart50", "MBart50Tokenizer"},
                                                             {"camembert", "CamembertTokenizer"},
                                                             {"roberta", "RobertaTokenizer"},
                                                             {"roberta-prelayernorm", "RobertaTokenizer"},
                                                             {"bart", "RobertaTokenizer"},
                                                             {"longformer", "RobertaTokenizer"},
                                                             {"gpt2", "GPT2Tokenizer"},
                                                             {"gpt_neo", "GPT2Tokenizer"},
                                                             {"gptj", "GPT2Tokenizer"},
                                                             {"opt", "GPT2Tokenizer"},
                                                             {"whisper", "WhisperTokenizer"}};
  for (const auto& [model_type, name] : kOthers)
    if (type == model_type) return name;
  return std::find(kBertTypes.begin(), kBertTypes.end(), type) != kBertTypes.end() ? "BertTokenizer" : "";
}

std::string class_of_config(const fs::path& folder) {
  const auto document = document_of(folder / "config.json");
  if (!document) return "";
  if (const auto name = document->root().find("tokenizer_class")) return without_fast(name->string());
  const auto type = document->root().find("model_type");
  return type ? class_of_model_type(type->string()) : "";
}

void read_options(TokenizerConfig& config, const JsonNode& root) {
  if (const auto name = root.find("tokenizer_class")) config.tokenizer_class = without_fast(name->string());
  config.do_lower_case = flag(root, "do_lower_case");
  config.strip_accents = flag(root, "strip_accents");
  config.tokenize_chinese_chars = flag(root, "tokenize_chinese_chars");
  constexpr std::uint64_t kMostExtraIds = 1U << 20U;
  config.add_prefix_space = flag(root, "add_prefix_space");
  config.trim_offsets = flag(root, "trim_offsets");
  config.add_bos_token = flag(root, "add_bos_token");
  config.add_eos_token = flag(root, "add_eos_token");
  config.predict_timestamps = flag(root, "predict_timestamps");
  if (const auto language = root.find("language")) config.language = language->string();
  if (const auto task = root.find("task")) config.task = task->string();
  if (const auto count = root.find("extra_ids")) config.extra_ids = count->count(kMostExtraIds);
  if (const auto language = root.find("src_lang")) config.src_lang = language->string();
  if (const auto length = root.find("model_max_length")) config.model_max_length = max_length_of(*length);
  config.clean_up_tokenization_spaces = flag(root, "clean_up_tokenization_spaces").value_or(false);
  if (const auto side = root.find("truncation_side")) config.truncate_left = is_left(*side);
  read_special_tokens(config, root);
}

void read_main(TokenizerConfig& config, const JsonNode& root) {
  read_options(config, root);
  read_extra_tokens(config, root);
  const auto decoder = root.find("added_tokens_decoder");
  config.has_added_tokens_decoder = decoder.has_value();
  if (decoder) config.added_tokens = read_added_tokens_decoder(*decoder);
}

}  // namespace

std::string TokenizerConfig::special_token(std::string_view name, std::string_view otherwise) const {
  for (const auto& named : special_tokens)
    if (named.name == name) return named.token.content;
  return std::string(otherwise);
}

void TokenizerConfig::sort_special_tokens() {
  const auto rank = [](const Named& named) { return std::find(kNames.begin(), kNames.end(), named.name); };
  std::stable_sort(special_tokens.begin(), special_tokens.end(),
                   [&](const Named& a, const Named& b) { return rank(a) < rank(b); });
}

bool TokenizerConfig::is_bert() const {
  constexpr std::array kBert{"BertTokenizer",
                             "DistilBertTokenizer",
                             "ElectraTokenizer",
                             "ConvBertTokenizer",
                             "MobileBertTokenizer",
                             "SqueezeBertTokenizer",
                             "DPRQuestionEncoderTokenizer",
                             "DPRContextEncoderTokenizer"};
  return std::find(kBert.begin(), kBert.end(), tokenizer_class) != kBert.end();
}

TokenizerConfig TokenizerConfig::from_text(std::string_view text, const std::string& file) {
  TokenizerConfig config;
  read_main(config, Document(text, file).root());
  config.sort_special_tokens();
  return config;
}

TokenizerConfig TokenizerConfig::from_folder(const fs::path& folder) {
  TokenizerConfig config;
  if (const auto main = document_of(folder / "tokenizer_config.json")) read_main(config, main->root());
  if (config.tokenizer_class.empty()) config.tokenizer_class = class_of_config(folder);
  if (!config.has_added_tokens_decoder) read_older_files(config, folder);
  config.sort_special_tokens();
  return config;
}

AddedToken added_token(const JsonNode& node) {
  return {.content = node.at("content").string(),
          .special = node.at("special").boolean(),
          .single_word = node.at("single_word").boolean(),
          .lstrip = node.at("lstrip").boolean(),
          .rstrip = node.at("rstrip").boolean(),
          .normalized = node.at("normalized").boolean()};
}

}  // namespace modelpool::tokenizers
