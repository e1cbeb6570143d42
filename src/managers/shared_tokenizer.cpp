// SPDX-License-Identifier: Apache-2.0
#include "managers/shared_tokenizer.hpp"

#include "modelpool/weights/weight_store.hpp"
#include "weights/mapped_file.hpp"

namespace modelpool::detail {
namespace {

// All that a tokenizer may be read from. One that is not there counts too: it may come later.
constexpr const char* kFiles[] = {"tokenizer.json",
                                  "tokenizer_config.json",
                                  "special_tokens_map.json",
                                  "added_tokens.json",
                                  "config.json",
                                  "vocab.txt",
                                  "vocab.json",
                                  "merges.txt",
                                  "spiece.model",
                                  "tokenizer.model",
                                  "sentencepiece.bpe.model"};

}  // namespace

std::shared_ptr<const Tokenizer> shared_tokenizer(const std::filesystem::path& folder) {
  WeightKey key;
  key.model = "tokenizer";
  for (const auto* name : kFiles) key.files.push_back(identity_of(folder / name));
  static WeightStore tokenizers;  // not among the weights, whose number WeightStore::global().size() tells
  return tokenizers.get_or_load<Tokenizer>(key, [&] { return Tokenizer::from_folder(folder); });
}

}  // namespace modelpool::detail
