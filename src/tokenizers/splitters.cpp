// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/splitters.hpp"

#include <utility>

#include "base/utf8.hpp"
#include "modelpool/error.hpp"
#include "tokenizers/byte_level.hpp"
#include "tokenizers/json_node.hpp"
#include "tokenizers/patterns.hpp"
#include "tokenizers/unicode/classes.hpp"
#include "tokenizers/unicode/unicode.hpp"

namespace modelpool::tokenizers {
namespace {

/// What becomes of the text that matches.
enum class Behavior : std::uint8_t { removed, isolated, merged_with_previous, merged_with_next, contiguous };

Behavior behavior_of(const JsonNode& node) {
  constexpr std::pair<std::string_view, Behavior> kNames[] = {{"Removed", Behavior::removed},
                                                              {"Isolated", Behavior::isolated},
                                                              {"MergedWithPrevious", Behavior::merged_with_previous},
                                                              {"MergedWithNext", Behavior::merged_with_next},
                                                              {"Contiguous", Behavior::contiguous}};
  for (const auto& [name, behavior] : kNames)
    if (node.string() == name) return behavior;
  node.fail("must be Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous");
}

struct Piece {
  Range range;
  bool match;
};

void add_word(Range range, std::vector<Range>& words) {
  if (range.begin < range.end) words.push_back(range);
}

// A match joins the piece before it, unless that is a match too.
void merge_with_previous(const std::vector<Piece>& pieces, std::vector<Range>& words) {
  bool previous_match = false;
  for (const Piece& piece : pieces) {
    if (piece.match && !previous_match && !words.empty() && words.back().end == piece.range.begin &&
        &piece != pieces.data())
      words.back().end = piece.range.end;
    else
      add_word(piece.range, words);
    previous_match = piece.match;
  }
}

// A match joins the piece behind it, unless that is a match too.
void merge_with_next(const std::vector<Piece>& pieces, std::vector<Range>& words) {
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    Range range = pieces[i].range;
    if (pieces[i].match && i + 1 < pieces.size() && !pieces[i + 1].match) range.end = pieces[++i].range.end;
    add_word(range, words);
  }
}

void merge_neighbours(const std::vector<Piece>& pieces, std::vector<Range>& words) {
  for (std::size_t i = 0; i < pieces.size();) {
    Range range = pieces[i].range;
    const bool match = pieces[i].match;
    while (++i < pieces.size() && pieces[i].match == match) range.end = pieces[i].range.end;
    add_word(range, words);
  }
}

void apply(Behavior behavior, const std::vector<Piece>& pieces, std::vector<Range>& words) {
  switch (behavior) {
    case Behavior::merged_with_previous:
      return merge_with_previous(pieces, words);
    case Behavior::merged_with_next:
      return merge_with_next(pieces, words);
    case Behavior::contiguous:
      return merge_neighbours(pieces, words);
    case Behavior::removed:
    case Behavior::isolated:
      break;
  }
  for (const Piece& piece : pieces)
    if (behavior == Behavior::isolated || !piece.match) add_word(piece.range, words);
}

// Matches, and what lies between them.
void cut_at_matches(const std::vector<Range>& matches, Range word, bool invert, std::vector<Piece>& pieces) {
  std::uint32_t done = word.begin;
  for (const Range match : matches) {
    const Range placed{word.begin + match.begin, word.begin + match.end};
    if (done != placed.begin) pieces.push_back({{done, placed.begin}, invert});
    pieces.push_back({placed, !invert});
    done = placed.end;
  }
  if (done != word.end) pieces.push_back({{done, word.end}, invert});
}

// What lies between matches is thrown away, or is empty: the matches are the words.
bool only_matches(Behavior behavior, bool invert) { return behavior == Behavior::removed && invert; }

class PatternSplit final : public PreTokenizer {
 public:
  PatternSplit(Pattern pattern, Behavior behavior, bool invert)
      : pattern_(std::move(pattern)), behavior_(behavior), invert_(invert) {}

  void split(Text& text, std::vector<Range>& words) const override {
    std::vector<Range> finer;
    std::vector<Piece> pieces;
    for (const Range word : words) {
      const auto matches = pattern_.find_all(text.view().substr(word.begin, word.end - word.begin));
      if (only_matches(behavior_, invert_)) {
        for (const Range match : matches) add_word({word.begin + match.begin, word.begin + match.end}, finer);
        continue;
      }
      pieces.clear();
      cut_at_matches(matches, word, invert_, pieces);
      apply(behavior_, pieces, finer);
    }
    words.swap(finer);
  }

 private:
  Pattern pattern_;
  Behavior behavior_;
  bool invert_;
};

/// Splits by what a code point is: each is a match or none.
template <class Predicate>
class CharacterSplit final : public PreTokenizer {
 public:
  CharacterSplit(Predicate predicate, Behavior behavior) : predicate_(predicate), behavior_(behavior) {}

  void split(Text& text, std::vector<Range>& words) const override {
    std::vector<Range> finer;
    std::vector<Piece> pieces;
    for (const Range word : words) {
      pieces.clear();
      cut(text.view(), word, pieces);
      apply(behavior_, pieces, finer);
    }
    words.swap(finer);
  }

 private:
  void cut(std::string_view text, Range word, std::vector<Piece>& pieces) const {
    std::uint32_t done = word.begin;
    for (std::size_t at = word.begin; at < word.end;) {
      const auto begin = static_cast<std::uint32_t>(at);
      if (!predicate_(utf8::next(text, at))) continue;
      if (done < begin) pieces.push_back({{done, begin}, false});
      done = static_cast<std::uint32_t>(at);
      pieces.push_back({{begin, done}, true});
    }
    if (done < word.end) pieces.push_back({{done, word.end}, false});
  }

  Predicate predicate_;
  Behavior behavior_;
};

template <class Predicate>
std::unique_ptr<const PreTokenizer> split_at(Predicate predicate, Behavior behavior) {
  return std::make_unique<CharacterSplit<Predicate>>(predicate, behavior);
}

// Runs of word characters, and runs of others; white space is dropped.
class Whitespace final : public PreTokenizer {
 public:
  void split(Text& text, std::vector<Range>& words) const override {
    std::vector<Range> finer;
    for (const Range word : words) cut(text.view(), word, finer);
    words.swap(finer);
  }

 private:
  static void cut(std::string_view text, Range word, std::vector<Range>& words) {
    constexpr unsigned kKinds = unicode::kWord | unicode::kWhiteSpace;
    unsigned last = unicode::kWhiteSpace;
    for (std::size_t at = word.begin; at < word.end;) {
      const auto begin = static_cast<std::uint32_t>(at);
      const unsigned kind = unicode::record(utf8::next(text, at)).flags & kKinds;
      const auto end = static_cast<std::uint32_t>(at);
      if (kind == last && (kind & unicode::kWhiteSpace) == 0)
        words.back().end = end;
      else if ((kind & unicode::kWhiteSpace) == 0)
        words.push_back({begin, end});
      last = kind;
    }
  }
};

bool is_punctuation(char32_t code) { return (unicode::record(code).flags & unicode::kPunctuation) != 0; }
bool is_numeric(char32_t code) { return unicode::class_of(code).numeric(); }

std::unique_ptr<const PreTokenizer> make_char_delimiter(const JsonNode& node) {
  const JsonNode delimiter = node.at("delimiter");
  if (utf8::length(delimiter.string()) != 1) delimiter.fail("must be one character");
  std::size_t at = 0;
  const char32_t wanted = utf8::next(delimiter.string(), at);
  return split_at([wanted](char32_t code) { return code == wanted; }, Behavior::removed);
}

std::unique_ptr<const PreTokenizer> make_byte_level(const JsonNode& node) {
  const auto use_regex = node.find("use_regex");
  return std::make_unique<ByteLevelPreTokenizer>(node.at("add_prefix_space").boolean(),
                                                 !use_regex || use_regex->boolean());
}

}  // namespace

std::unique_ptr<const PreTokenizer> make_splitter(const JsonNode& node) {
  const std::string& type = node.type();
  if (type == "ByteLevel") return make_byte_level(node);
  if (type == "CharDelimiterSplit") return make_char_delimiter(node);
  if (type == "Digits")
    return split_at(is_numeric, node.at("individual_digits").boolean() ? Behavior::isolated : Behavior::contiguous);
  if (type == "Punctuation") {
    const auto behavior = node.find("behavior");
    return split_at(is_punctuation, behavior ? behavior_of(*behavior) : Behavior::isolated);
  }
  if (type == "Split")
    return std::make_unique<PatternSplit>(read_pattern(node.at("pattern")), behavior_of(node.at("behavior")),
                                          node.at("invert").boolean());
  if (type == "Whitespace") return std::make_unique<Whitespace>();
  return nullptr;
}

}  // namespace modelpool::tokenizers
