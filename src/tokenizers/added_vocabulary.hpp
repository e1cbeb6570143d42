// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tokenizers/components.hpp"

namespace modelpool::tokenizers {

/// Field names are the keys of tokenizer.json.
struct AddedToken {
  std::string content;
  bool special = false;
  bool single_word = false;  ///< only where no word character stands next to it
  bool lstrip = false;       ///< takes the white space before it along
  bool rstrip = false;       ///< takes the white space after it along
  bool normalized = false;   ///< found in the normalized text, by its normalized content

  [[nodiscard]] bool operator==(const AddedToken&) const = default;
};

/// By id: the order in which transformers adds the tokens of a folder.
using TokensById = std::map<std::uint64_t, AddedToken>;

/// Finds which of many strings starts where: leftmost first, the longest of those that start there.
class PhraseFinder {
 public:
  struct Phrase {
    std::string content;
    std::int32_t id;
  };
  struct Match {
    std::int32_t id;
    Range range;
  };
  PhraseFinder() = default;
  /// Of equal phrases the one with the lowest id is found.
  explicit PhraseFinder(std::vector<Phrase> phrases);
  [[nodiscard]] bool empty() const noexcept { return phrases_.empty(); }
  /// The first match that starts at `from` or later.
  [[nodiscard]] std::optional<Match> find(std::string_view text, std::size_t from) const noexcept;

 private:
  [[nodiscard]] std::optional<Match> longest_at(std::string_view text, std::size_t at) const noexcept;
  std::vector<Phrase> phrases_;  // sorted by content
  std::vector<bool> starts_ = std::vector<bool>(256);
};

/// The tokens that are cut out of the text before the model sees it. Source: tokenizers, added_vocabulary.rs.
class AddedVocabulary {
 public:
  /// A piece of text between added tokens, or one of them.
  struct Split {
    std::optional<std::int32_t> id;
    Range range;
  };

  /// Adds tokens in order. One that the model or an earlier call knows keeps that id; others get the next free ids.
  /// @param normalizer  may be null
  void add(const std::vector<AddedToken>& tokens, const Model& model, const Normalizer* normalizer);

  /// Cuts the user's text at the tokens that are not normalized.
  void split_raw(std::string_view text, std::vector<Split>& splits) const { split(text, raw_, splits); }
  /// Cuts normalized text at those that are.
  void split_normalized(std::string_view text, std::vector<Split>& splits) const { split(text, normalized_, splits); }

  [[nodiscard]] std::optional<std::int32_t> token_to_id(std::string_view token) const noexcept;
  /// The token in the form by which it is found in text: normalized, if that is what `normalized` says.
  [[nodiscard]] std::optional<std::string_view> id_to_token(std::int32_t id) const noexcept;
  [[nodiscard]] bool is_special(std::string_view token) const noexcept { return specials_.contains(token); }

  /// A token of which normalizing leaves nothing, so that it cannot be found.
  [[nodiscard]] std::optional<std::int32_t> empty_token() const noexcept;
  /// How many of the tokens the model does not have.
  [[nodiscard]] std::size_t size_beyond(const Model& model) const noexcept;

 private:
  struct Entry {
    AddedToken token;
    std::string found_by;
  };
  void split(std::string_view text, const PhraseFinder& finder, std::vector<Split>& splits) const;
  void add_one(const AddedToken& token, std::int32_t id, const Normalizer* normalizer);
  void rebuild_finders();

  std::map<std::string, std::int32_t, std::less<>> ids_;
  std::unordered_map<std::int32_t, Entry> entries_;
  std::set<std::string, std::less<>> specials_;
  PhraseFinder raw_;
  PhraseFinder normalized_;
};

}  // namespace modelpool::tokenizers
