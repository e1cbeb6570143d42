// SPDX-License-Identifier: Apache-2.0
#include "managers/shared_tokenizer.hpp"

#include <sys/stat.h>

#include "modelpool/weights/weight_store.hpp"

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

FileIdentity identity_of(const std::filesystem::path& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) return {};
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .size_bytes = static_cast<std::uint64_t>(status.st_size),
          .modified_ns = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec};
}

}  // namespace

std::shared_ptr<const Tokenizer> shared_tokenizer(const std::filesystem::path& folder) {
  WeightKey key;
  key.model = "tokenizer";
  for (const auto* name : kFiles) key.files.push_back(identity_of(folder / name));
  static WeightStore tokenizers;  // not among the weights, whose number WeightStore::global().size() tells
  return tokenizers.get_or_load<Tokenizer>(key, [&] { return Tokenizer::from_folder(folder); });
}

}  // namespace modelpool::detail
