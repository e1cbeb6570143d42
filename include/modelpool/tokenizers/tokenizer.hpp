// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace modelpool {

/// What a text becomes. All vectors have the same length, one element for each token.
struct Encoding {
  std::vector<std::int32_t> input_ids;
  std::vector<std::int32_t> token_type_ids;       ///< 0 for the first text of a pair, 1 for the second
  std::vector<std::uint8_t> special_tokens_mask;  ///< 1 where the token was added by the post-processor
  /// [start, end) in Unicode code points of the token's own text; {0, 0} for special tokens.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> offsets;

  [[nodiscard]] std::size_t size() const noexcept { return input_ids.size(); }
};

struct EncodeOptions {
  bool add_special_tokens = true;
  /// Most tokens, special ones included; longer texts lose their end (of a pair, the longer text first), or their
  /// beginning where the folder's `truncation_side` is "left". Special tokens are kept, even if they are more. nullopt:
  /// no limit, whatever the folder's `truncation` section says.
  std::optional<std::size_t> max_length = std::nullopt;
  bool with_offsets = false;  ///< fill Encoding::offsets (otherwise left empty)
};

/// Text to ids and back, equal to the Hugging Face tokenizer of the same folder id for id.
///
/// Thread safety: immutable after construction; any number of threads may use one object.
/// Errors: invalid UTF-8 is InvalidInput with the byte offset of the first bad byte.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  /// Reads `tokenizer.json`, else the SentencePiece model, `vocab.json` and `merges.txt`, or `vocab.txt`, with
  /// `tokenizer_config.json`.
  /// @throws LoadError         if a file is missing, unreadable, a git-LFS pointer, or not what it should be
  /// @throws UnsupportedModel  if it needs a component that is not there yet, named with those that are
  [[nodiscard]] static std::shared_ptr<const Tokenizer> from_folder(const std::filesystem::path& folder);

  /// @throws InvalidInput  on invalid UTF-8
  [[nodiscard]] virtual Encoding encode(std::string_view text, const EncodeOptions& options = {}) const = 0;
  [[nodiscard]] virtual Encoding encode_pair(std::string_view text, std::string_view pair,
                                             const EncodeOptions& options = {}) const = 0;
  /// Ids back to text, with transformers' clean-up where the folder asks for it.
  /// @throws InvalidInput  on an id outside the vocabulary
  [[nodiscard]] virtual std::string decode(std::span<const std::int32_t> ids,
                                           bool skip_special_tokens = false) const = 0;

  /// Vocabulary strings to text: transformers' convert_tokens_to_string, so nothing is skipped and nothing cleaned up.
  [[nodiscard]] virtual std::string join_tokens(std::span<const std::string_view> tokens) const = 0;

  /// Number of ids, added tokens included.
  [[nodiscard]] virtual std::size_t vocab_size() const noexcept = 0;
  /// The vocabulary's string of an id; nullopt outside the vocabulary.
  [[nodiscard]] virtual std::optional<std::string_view> id_to_token(std::int32_t id) const noexcept = 0;
  [[nodiscard]] virtual std::optional<std::int32_t> token_to_id(std::string_view token) const noexcept = 0;
  /// Tokens that the post-processor adds to a single text (2 for BERT).
  [[nodiscard]] virtual std::size_t num_special_tokens() const noexcept = 0;
  /// `model_max_length` of tokenizer_config.json; nullopt when absent, null or absurd (above 1e9).
  [[nodiscard]] virtual std::optional<std::size_t> model_max_length() const noexcept = 0;

 protected:
  Tokenizer() = default;
};

}  // namespace modelpool
