// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "modelpool/tokenizers/tokenizer.hpp"
#include "tokenizers/added_vocabulary.hpp"
#include "tokenizers/components.hpp"

namespace modelpool::tokenizers {

/// What a tokenizer is made of. Null parts are left out.
struct PipelineParts {
  AddedVocabulary added;
  std::unique_ptr<const Normalizer> normalizer;
  std::unique_ptr<const PreTokenizer> pre_tokenizer;
  std::unique_ptr<const Model> model;                   ///< never null
  std::unique_ptr<const PostProcessor> post_processor;  ///< never null
  std::unique_ptr<const Decoder> decoder;               ///< null: tokens are joined by spaces
  std::optional<std::size_t> model_max_length;
  bool clean_up_tokenization_spaces = false;
  bool truncate_left = false;  ///< `truncation_side` of tokenizer_config.json
};

/// Text through the parts in their order: added tokens, normalizer, pre-tokenizer, model, truncation, post-processor.
class Pipeline final : public Tokenizer {
 public:
  explicit Pipeline(PipelineParts parts);

  [[nodiscard]] Encoding encode(std::string_view text, const EncodeOptions& options) const override;
  [[nodiscard]] Encoding encode_pair(std::string_view text, std::string_view pair,
                                     const EncodeOptions& options) const override;
  [[nodiscard]] std::string decode(std::span<const std::int32_t> ids, bool skip_special_tokens) const override;
  [[nodiscard]] std::string join_tokens(std::span<const std::string_view> tokens) const override;
  [[nodiscard]] std::size_t vocab_size() const noexcept override;
  [[nodiscard]] std::optional<std::string_view> id_to_token(std::int32_t id) const noexcept override;
  [[nodiscard]] std::optional<std::int32_t> token_to_id(std::string_view token) const noexcept override;
  [[nodiscard]] std::size_t num_special_tokens() const noexcept override;
  [[nodiscard]] std::optional<std::size_t> model_max_length() const noexcept override;

 private:
  struct Scratch;
  [[nodiscard]] Encoding finish(std::span<Sequence> sequences, const EncodeOptions& options) const;
  [[nodiscard]] Sequence tokenize(std::string_view text, bool with_offsets) const;
  void tokenize_raw(std::string_view text, std::uint32_t first, Scratch& scratch, Sequence& sequence) const;
  void tokenize_normalized(Scratch& scratch, Sequence& sequence) const;
  void tokenize_part(Text& text, Scratch& scratch, Sequence& sequence) const;
  void truncate(Sequence& sequence, std::size_t size) const;
  [[nodiscard]] std::string_view token(std::int32_t id) const;

  PipelineParts parts_;
};

}  // namespace modelpool::tokenizers
