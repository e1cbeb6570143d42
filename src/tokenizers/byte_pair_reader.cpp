// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/byte_pair_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/utf8.hpp"
#include "modelpool/error.hpp"
#include "tokenizers/json_node.hpp"

namespace modelpool::tokenizers {
namespace {

// Each side of a merge is a token, so it has no space in the older form: "a b".
bool add_spaced(MergeEntries& merges, std::string_view merge) {
  const std::size_t space = merge.find(' ');
  if (space == std::string_view::npos || merge.find(' ', space + 1) != std::string_view::npos) return false;
  merges.add(merge.substr(0, space), merge.substr(space + 1));
  return true;
}

[[noreturn]] void fail_merge(const JsonNode& merge) {
  if (merge.is_string()) merge.fail("must be two tokens with one space between them");
  const auto sides = merge.elements();
  if (sides.size() == 2)
    for (const auto& side : sides) (void)side.string();
  merge.fail("must be two tokens");
}

bool add_merge(MergeEntries& merges, const nlohmann::json& merge) {
  using String = const std::string&;
  if (merge.is_string()) return add_spaced(merges, merge.get_ref<String>());
  if (!merge.is_array() || merge.size() != 2 || !merge[0].is_string() || !merge[1].is_string()) return false;
  merges.add(merge[0].get_ref<String>(), merge[1].get_ref<String>());
  return true;
}

MergeEntries read_merges(const JsonNode& node) {
  MergeEntries merges;
  if (!node.value().is_array()) (void)node.elements();
  for (std::size_t i = 0; i < node.value().size(); ++i)
    if (!add_merge(merges, node.value()[i])) fail_merge(node.elements()[i]);
  return merges;
}

bool flag(const JsonNode& node, std::string_view key) {
  const auto value = node.find(key);
  return value && value->boolean();
}

std::string text(const JsonNode& node, std::string_view key) {
  const auto value = node.find(key);
  return value ? value->string() : "";
}

void check_dropout(const JsonNode& node) {
  const auto dropout = node.find("dropout");
  if (dropout && dropout->number() != 0)
    throw UnsupportedModel{node.file(), dropout->path(), fmt::format("{}", dropout->number()), {"null", "0"}};
}

std::unique_ptr<const Model> make_with(BytePairOptions options, const JsonNode& node, VocabularyEntries vocab) {
  return std::make_unique<BytePair>(
      std::move(vocab), read_merges(node.at("merges")), std::move(options),
      BytePair::Place{node.file(), node.path() + ".vocab", node.file(), node.path() + ".merges"});
}

}  // namespace

std::unique_ptr<const Model> make_byte_pair(const JsonNode& node, VocabularyEntries vocab) {
  check_dropout(node);
  BytePairOptions options{.unk_token = std::nullopt,
                          .continuing_subword_prefix = text(node, "continuing_subword_prefix"),
                          .end_of_word_suffix = text(node, "end_of_word_suffix"),
                          .fuse_unk = flag(node, "fuse_unk"),
                          .byte_fallback = flag(node, "byte_fallback"),
                          .ignore_merges = flag(node, "ignore_merges")};
  if (const auto unk = node.find("unk_token")) options.unk_token = unk->string();
  const bool affixes = !options.continuing_subword_prefix.empty() || !options.end_of_word_suffix.empty();
  if (affixes && options.byte_fallback)
    throw UnsupportedModel{node.file(), node.path() + ".byte_fallback", "true beside a prefix or suffix", {"false"}};
  return make_with(std::move(options), node, std::move(vocab));
}

std::unique_ptr<const Model> make_plain_byte_pair(const JsonNode& node, VocabularyEntries vocab) {
  return make_with({}, node, std::move(vocab));
}

MergeEntries read_merges_txt(std::string_view text, const std::string& file) {
  if (const auto bad = utf8::first_invalid(text)) throw LoadError{file, "", *bad, "is not valid UTF-8 from here on"};
  MergeEntries merges;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = text.substr(begin, end - begin);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.starts_with("#version") && !add_spaced(merges, line))
      throw LoadError{file, "", begin, "has a line here that is not two tokens with one space between them"};
    begin = end + 1;
  }
  return merges;
}

}  // namespace modelpool::tokenizers
