// SPDX-License-Identifier: Apache-2.0
#include "modelpool/tokenizers/tokenizer.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/escape.hpp"
#include "modelpool/error.hpp"
#include "tokenizers/byte_pair_classes.hpp"
#include "tokenizers/document.hpp"
#include "tokenizers/readers.hpp"
#include "tokenizers/sentencepiece_classes.hpp"

namespace modelpool {
namespace {

namespace fs = std::filesystem;
using tokenizers::PipelineParts;
using tokenizers::TokenizerConfig;

// A link that leads nowhere is there: reading it says what is wrong.
bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::symlink_status(path, error).type() != fs::file_type::not_found;
}

void check_folder(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error))
    throw LoadError{folder.string(), "", std::nullopt, "is not a folder; give the folder that holds tokenizer.json"};
}

[[noreturn]] void fail_without_tokenizer(const fs::path& folder) {
  constexpr std::array kOther{"vocab.json", "spiece.model", "sentencepiece.bpe.model", "tokenizer.model", "source.spm"};
  for (const char* name : kOther)
    if (is_there(folder / name))
      throw UnsupportedModel{folder.string(), "tokenizer file", name, {"tokenizer.json", "vocab.txt of BERT"}};
  throw LoadError{folder.string(), "", std::nullopt,
                  "has no tokenizer; it needs tokenizer.json, or the vocab.txt of a BERT model"};
}

PipelineParts read_byte_pair(const fs::path& folder, const TokenizerConfig& config) {
  const fs::path vocab = folder / "vocab.json";
  const auto kind = tokenizers::byte_pair_class(config.tokenizer_class);
  if (!kind)
    throw UnsupportedModel{vocab.string(),
                           "tokenizer_class",
                           escaped(config.tokenizer_class),
                           {"GPT2Tokenizer", "RobertaTokenizer", "BartTokenizer", "WhisperTokenizer"}};
  const fs::path merges = folder / "merges.txt";
  const std::string vocab_text = tokenizers::read_file(vocab);
  const std::string merges_text = tokenizers::read_file(merges);
  return tokenizers::read_vocab_and_merges(*kind, {vocab_text, vocab.string()}, {merges_text, merges.string()}, config);
}

PipelineParts read_folder(const fs::path& folder) {
  const TokenizerConfig config = TokenizerConfig::from_folder(folder);
  const fs::path json = folder / "tokenizer.json";
  if (is_there(json)) return tokenizers::read_tokenizer_json(tokenizers::read_file(json), json.string(), config);
  if (const auto kind = tokenizers::sentencepiece_class(config.tokenizer_class)) {
    const fs::path model = folder / tokenizers::model_file_of(*kind);
    if (is_there(model))
      return tokenizers::read_sentencepiece_model(*kind, tokenizers::read_file(model), model.string(), config);
  }
  const bool byte_pair = is_there(folder / "vocab.json") && is_there(folder / "merges.txt");
  if (byte_pair && !config.is_bert()) return read_byte_pair(folder, config);
  const fs::path vocab = folder / "vocab.txt";
  if (!is_there(vocab)) fail_without_tokenizer(folder);
  if (!config.tokenizer_class.empty() && !config.is_bert() && !config.is_mpnet())
    throw UnsupportedModel{vocab.string(),
                           "tokenizer_class",
                           escaped(config.tokenizer_class),
                           {"BertTokenizer and its kin", "MPNetTokenizer"}};
  return tokenizers::read_vocab_txt(tokenizers::read_file(vocab), vocab.string(), config);
}

}  // namespace

std::shared_ptr<const Tokenizer> Tokenizer::from_folder(const fs::path& folder) {
  check_folder(folder);
  PipelineParts parts = read_folder(folder);
  if (const auto id = parts.added.empty_token())
    throw LoadError{
        folder.string(), "added_tokens", std::nullopt,
        fmt::format("normalizing leaves nothing of the token with id {}, so no text has it; remove it", *id)};
  return std::make_shared<const tokenizers::Pipeline>(std::move(parts));
}

}  // namespace modelpool
