// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "modelpool/tokenizers/tokenizer.hpp"
#include "tokenizers/text.hpp"

/// The parts of a tokenizer, named as in tokenizer.json. Each kind has a factory in its own file that reads the part's
/// JSON; a new type is one more class there. All are immutable, so any number of threads may use one object.
namespace modelpool::tokenizers {

/// Rewrites a piece of text before it is split.
class Normalizer {
 public:
  virtual ~Normalizer() = default;
  virtual void normalize(Text& text) const = 0;
};

/// Splits a piece of text into words; no token crosses a word's end.
class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  /// @param text   may be rewritten, with `words` still the same parts of it
  /// @param words  what there is so far, ascending, none empty; replaced by finer ones
  virtual void split(Text& text, std::vector<Range>& words) const = 0;
  /// True if it asks where the text came from, so that the text must know though no offsets are wanted.
  [[nodiscard]] virtual bool needs_origins() const noexcept { return false; }
};

/// The vocabulary and its rule for cutting words into tokens.
class Model {
 public:
  virtual ~Model() = default;
  /// Appends the tokens of each word, in order.
  virtual void tokenize(const Text& text, std::span<const Range> words, std::vector<Token>& tokens) const = 0;
  /// True if it reads the bytes of a text that is spelled (Text::spelled).
  [[nodiscard]] virtual bool reads_bytes() const noexcept { return false; }
  [[nodiscard]] virtual std::optional<std::int32_t> token_to_id(std::string_view token) const noexcept = 0;
  [[nodiscard]] virtual std::optional<std::string_view> id_to_token(std::int32_t id) const noexcept = 0;
  /// Number of tokens.
  [[nodiscard]] virtual std::size_t size() const noexcept = 0;
  /// One above the largest id.
  [[nodiscard]] virtual std::size_t id_end() const noexcept = 0;
};

/// The tokens of one text, before special ones are added.
struct Sequence {
  std::vector<std::int32_t> ids;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> offsets;  ///< as Encoding::offsets; empty unless asked for
  bool with_offsets = false;
  /// White space at the ends of each token's string; empty unless the post-processor trims offsets, and they are wanted.
  struct Spaces {
    std::uint32_t leading = 0;
    std::uint32_t trailing = 0;
  };
  std::vector<Spaces> spaces;
  bool with_spaces = false;
};

/// Joins one or two sequences and adds the special tokens.
class PostProcessor {
 public:
  virtual ~PostProcessor() = default;
  [[nodiscard]] virtual std::size_t num_special_tokens(bool pair) const noexcept = 0;
  /// True if it needs Sequence::spaces.
  [[nodiscard]] virtual bool trims_offsets() const noexcept { return false; }
  /// @param sequences  one text, or a pair; their offsets may be changed
  [[nodiscard]] virtual Encoding process(std::span<Sequence> sequences, bool add_special_tokens) const = 0;
};

/// Joins the vocabulary strings of ids to text.
class Decoder {
 public:
  virtual ~Decoder() = default;
  /// @return  what each token, or all of them, become; joined it is the text
  [[nodiscard]] virtual std::vector<std::string> decode(std::span<const std::string_view> tokens) const = 0;
};

class JsonNode;

// A JSON null means that the part is left out: the result is null, but for a post-processor, which joins pairs as well.
[[nodiscard]] std::unique_ptr<const Normalizer> make_normalizer(const JsonNode& node);
[[nodiscard]] std::unique_ptr<const PreTokenizer> make_pre_tokenizer(const JsonNode& node);
[[nodiscard]] std::unique_ptr<const PostProcessor> make_post_processor(const JsonNode& node);
[[nodiscard]] std::unique_ptr<const Decoder> make_decoder(const JsonNode& node);

class Document;
/// @param document  gives the entries of the model, which are kept apart from the JSON
[[nodiscard]] std::unique_ptr<const Model> make_model(const JsonNode& node, Document& document);

}  // namespace modelpool::tokenizers
