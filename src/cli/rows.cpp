// SPDX-License-Identifier: Apache-2.0
#include "cli/rows.hpp"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/escape.hpp"
#include "base/nearest.hpp"
#include "cli/arguments.hpp"
#include "cli/json.hpp"
#include "modelpool/error.hpp"

namespace modelpool::cli {
namespace {

using Json = nlohmann::json;

struct BadRow : std::runtime_error {
  BadRow(std::string_view error_code, const std::string& message) : std::runtime_error(message), code(error_code) {}
  std::string_view code;
};

[[noreturn]] void bad_input(const std::string& message) { throw BadRow(InvalidInput::kCode, message); }

// Numbers as they stand, everything else by its kind: a value may be megabytes long, or nested deeper than the stack.
std::string describe(const Json& value) {
  if (value.is_number()) return value.dump();
  return fmt::format("a value of type {}", value.type_name());
}

[[noreturn]] void bad_option(const std::string& key, std::string_view wanted, const Json& got) {
  throw BadRow(InvalidOptions::kCode, fmt::format("'{}' of this row must be {}, not {}", key, wanted, describe(got)));
}

void check_bytes(const RawInput& input) {
  if (input.too_long) bad_input(fmt::format("the line is longer than {} bytes: split it", LineReader::kMostBytes));
  if (const auto at = invalid_utf8_at(input.text))
    bad_input(fmt::format("invalid UTF-8 at byte {}: convert the input to UTF-8", *at));
}

Json parse(const std::string& text) {
  if (text.find_first_not_of(" \t\r") == std::string::npos)
    bad_input("an empty line is not JSON: an empty text is \"\"");
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& e) {
    bad_input(fmt::format("not JSON at byte {}: one JSON value per line is needed", e.byte > 0 ? e.byte - 1 : 0));
  } catch (const Json::out_of_range&) {
    bad_input("a number of this line is out of range: use one that fits 64 bits");
  }
}

std::string to_text(const std::string& key, const Json& value) {
  if (!value.is_string()) bad_option(key, "a string", value);
  return value.get<std::string>();
}

bool to_bool(const std::string& key, const Json& value) {
  if (!value.is_boolean()) bad_option(key, "true or false", value);
  return value.get<bool>();
}

std::size_t to_count(const std::string& key, const Json& value) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::int32_t>::max();
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() < 1 || value.get<std::uint64_t>() > kMost)
    bad_option(key, fmt::format("a whole number from 1 to {}", kMost), value);
  return value.get<std::size_t>();
}

[[noreturn]] void unknown_key(const std::string& key, std::span<const std::string_view> known) {
  std::string names;
  for (const auto name : known) names += (names.empty() ? "" : ", ") + std::string{name};
  const auto near = nearest(key, known);
  throw BadRow(InvalidOptions::kCode, fmt::format("unknown key '{}' in this row.{} There are: {}", escaped(key),
                                                  near.empty() ? "" : fmt::format(" Did you mean '{}'?", near), names));
}

void set_embed(EmbedRow& row, const std::string& key, const Json& value) {
  constexpr std::array<std::string_view, 7> kKeys{"text",        "pooling",    "normalize", "prompt",
                                                  "prompt_name", "dimensions", "max_length"};
  if (key == "text")
    row.text = to_text(key, value);
  else if (key == "pooling")
    row.flags.pooling = parse_pooling_name("'pooling' of this row", to_text(key, value));
  else if (key == "normalize")
    row.flags.normalize = to_bool(key, value);
  else if (key == "prompt")
    row.flags.prompt = to_text(key, value);
  else if (key == "prompt_name")
    row.flags.prompt_name = to_text(key, value);
  else if (key == "dimensions")
    row.flags.dimensions = to_count(key, value);
  else if (key == "max_length")
    row.flags.max_length = to_count(key, value);
  else
    unknown_key(key, kKeys);
}

void set_question(QuestionRow& row, const std::string& key, const Json& value) {
  constexpr std::array<std::string_view, 2> kKeys{"text", "top_k"};
  if (key == "text")
    row.text = to_text(key, value);
  else if (key == "top_k")
    row.top_k = to_count(key, value);
  else
    unknown_key(key, kKeys);
}

void set_classify(ClassifyRow& row, const std::string& key, const Json& value) {
  constexpr std::array<std::string_view, 3> kKeys{"text", "aggregation", "max_length"};
  if (key == "text")
    row.text = to_text(key, value);
  else if (key == "aggregation")
    row.flags.aggregation = parse_aggregation_name("'aggregation' of this row", to_text(key, value));
  else if (key == "max_length")
    row.flags.max_length = to_count(key, value);
  else
    unknown_key(key, kKeys);
}

void set_tokenize(TokenizeRow& row, const std::string& key, const Json& value) {
  constexpr std::array<std::string_view, 4> kKeys{"text", "pair", "special_tokens", "max_length"};
  if (key == "text")
    row.text = to_text(key, value);
  else if (key == "pair")
    row.flags.pair = to_text(key, value);
  else if (key == "special_tokens")
    row.flags.special_tokens = to_bool(key, value);
  else if (key == "max_length")
    row.flags.max_length = to_count(key, value);
  else
    unknown_key(key, kKeys);
}

template <class Row, class Set>
void read_json_row(Row& row, const std::string& line, Set set) {
  const auto json = parse(line);
  if (json.is_string()) {
    row.text = json.get<std::string>();
    return;
  }
  if (!json.is_object()) bad_input("a row must be a JSON string, or an object with 'text'");
  if (!json.contains("text")) bad_input("the object has no 'text'");
  for (const auto& [key, value] : json.items()) set(row, key, value);
}

// A prompt of the row replaces a prompt's name on the command line, and the reverse: both at once would contradict.
void settle_prompts(EmbedFlags& flags, const EmbedFlags& defaults) {
  const bool prompt_is_new = flags.prompt != defaults.prompt;
  const bool name_is_new = flags.prompt_name != defaults.prompt_name;
  if (prompt_is_new && name_is_new)
    throw BadRow(InvalidOptions::kCode, "'prompt' and 'prompt_name' of this row exclude each other");
  if (prompt_is_new) flags.prompt_name.reset();
  if (name_is_new) flags.prompt.reset();
}

std::vector<std::int32_t> read_ids(const std::string& line) {
  const auto json = parse(line);
  if (!json.is_array()) bad_input("--decode needs a JSON array of token ids, for example [101, 7592, 102]");
  std::vector<std::int32_t> ids;
  ids.reserve(json.size());
  for (const auto& id : json) {
    if (!id.is_number_unsigned() || id.get<std::uint64_t>() > std::numeric_limits<std::int32_t>::max())
      bad_input(fmt::format("element {} is not a token id: {}", ids.size(), describe(id)));
    ids.push_back(id.get<std::int32_t>());
  }
  return ids;
}

template <class Row, class Read>
Row guarded(Row row, Read read) {
  try {
    read(row);
  } catch (const BadRow& e) {
    row.error = RowError{std::string{e.code}, e.what()};
  } catch (const UsageError& e) {
    row.error = RowError{std::string{InvalidOptions::kCode}, e.what()};
  }
  return row;
}

}  // namespace

EmbedRow make_embed_row(RawInput input, InputFormat format, const EmbedFlags& defaults) {
  return guarded(EmbedRow{.text = {}, .flags = defaults, .error = {}}, [&](EmbedRow& row) {
    check_bytes(input);
    if (format == InputFormat::lines) {
      row.text = std::move(input.text);
      return;
    }
    read_json_row(row, input.text, set_embed);
    settle_prompts(row.flags, defaults);
  });
}

QuestionRow make_question_row(RawInput input, InputFormat format, std::size_t top_k) {
  return guarded(QuestionRow{.text = {}, .top_k = top_k, .error = {}}, [&](QuestionRow& row) {
    check_bytes(input);
    if (format == InputFormat::lines)
      row.text = std::move(input.text);
    else
      read_json_row(row, input.text, set_question);
  });
}

ClassifyRow make_classify_row(RawInput input, InputFormat format, const ClassifyFlags& defaults) {
  return guarded(ClassifyRow{.text = {}, .flags = defaults, .error = {}}, [&](ClassifyRow& row) {
    check_bytes(input);
    if (format == InputFormat::lines)
      row.text = std::move(input.text);
    else
      read_json_row(row, input.text, set_classify);
  });
}

TokenizeRow make_tokenize_row(RawInput input, InputFormat format, const TokenizeFlags& defaults) {
  return guarded(TokenizeRow{.text = {}, .ids = {}, .flags = defaults, .error = {}}, [&](TokenizeRow& row) {
    check_bytes(input);
    if (defaults.decode)
      row.ids = read_ids(input.text);
    else if (format == InputFormat::lines)
      row.text = std::move(input.text);
    else
      read_json_row(row, input.text, set_tokenize);
  });
}

}  // namespace modelpool::cli
