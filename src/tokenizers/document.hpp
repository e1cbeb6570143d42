// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "tokenizers/json_node.hpp"
#include "tokenizers/pieces.hpp"
#include "tokenizers/vocabulary.hpp"

namespace modelpool::tokenizers {

/// The bytes of a text file.
/// @throws LoadError  if it cannot be read, or is a git-LFS pointer
[[nodiscard]] std::string read_file(const std::filesystem::path& path);

enum class Numbers { exact, fast };  ///< fast: see fast_number

/// A JSON file of a folder. The entries of `model.vocab` are kept apart (the JSON then has an empty object or array
/// there): as JSON values they would cost most of the time of loading.
class Document {
 public:
  /// @throws LoadError  where the text is not JSON, with the byte
  /// @param numbers  how scores with a fraction are rounded
  Document(std::string_view text, std::string file, Numbers numbers = Numbers::exact);
  Document(Document&&) noexcept;
  Document& operator=(Document&&) noexcept;
  ~Document();

  [[nodiscard]] JsonNode root() const;
  /// Where `model.vocab` is an object: token and id.
  [[nodiscard]] VocabularyEntries& vocab() noexcept { return vocab_; }
  /// Where it is an array: pieces and scores.
  [[nodiscard]] PieceEntries& pieces() noexcept { return pieces_; }

 private:
  class Reader;
  std::string file_;
  std::unique_ptr<nlohmann::json> json_;
  VocabularyEntries vocab_;
  PieceEntries pieces_;
};

}  // namespace modelpool::tokenizers
