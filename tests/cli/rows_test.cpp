// SPDX-License-Identifier: Apache-2.0
#include "cli/rows.hpp"

#include "support/catch.hpp"

using namespace modelpool::cli;
using namespace std::string_literals;

namespace {

EmbedRow row(std::string line, EmbedFlags flags = {}, InputFormat format = InputFormat::jsonl) {
  return make_embed_row({.index = 0, .text = std::move(line)}, format, flags);
}

TokenizeRow ids(std::string line) {
  TokenizeFlags flags;
  flags.decode = true;
  return make_tokenize_row({.index = 0, .text = std::move(line)}, InputFormat::lines, flags);
}

QuestionRow question(std::string line) {
  return make_question_row({.index = 0, .text = std::move(line)}, InputFormat::jsonl, 5);
}

template <class Row>
std::string failure(const Row& r) {
  return r.error ? r.error->code + ": " + r.error->message : "(none)";
}

}  // namespace

TEST_CASE("a line is its text, byte for byte", "[cli][rows]") {
  const auto text = GENERATE(""s, "  a  "s, "{\"text\":1}"s, "nul\0inside"s, "\r"s);
  const auto r = row(text, {}, InputFormat::lines);
  CHECK(r.text == text);
  CHECK_FALSE(r.error);
}

TEST_CASE("invalid UTF-8 fails its row with the byte offset", "[cli][rows]") {
  const auto format = GENERATE(InputFormat::lines, InputFormat::jsonl);
  CHECK(failure(row("\"ab\xff\"", {}, format)).find("invalid_input: invalid UTF-8 at byte 3") == 0);
}

TEST_CASE("a JSON row is a string, or an object with text and options", "[cli][rows]") {
  CHECK(row("\"two\\nlines\"").text == "two\nlines");
  const auto r = row(R"({"text":"t","pooling":"cls","normalize":true,"prompt":"p: ","dimensions":8,"max_length":16})");
  REQUIRE_FALSE(r.error);
  CHECK(r.text == "t");
  CHECK(r.flags.pooling == "cls");
  CHECK(r.flags.normalize == true);
  CHECK(r.flags.prompt == "p: ");
  CHECK(r.flags.dimensions == 8);
  CHECK(r.flags.max_length == 16);
}

TEST_CASE("a row's options beat those of the command line", "[cli][rows]") {
  EmbedFlags flags;
  flags.prompt = "general: ";
  flags.dimensions = 4;
  const auto r = row(R"({"text":"t","prompt_name":"query"})", flags);
  CHECK(r.flags.prompt_name == "query");
  CHECK_FALSE(r.flags.prompt);
  CHECK(r.flags.dimensions == 4);
}

TEST_CASE("a question's row has the options of a search", "[cli][rows]") {
  CHECK(question("\"who?\"").text == "who?");
  CHECK(question("\"who?\"").top_k == 5);
  CHECK(question(R"({"text":"who?","top_k":2})").top_k == 2);
  CHECK(failure(question(R"({"text":"who?","top_k":0})")).find("invalid_options: 'top_k'") == 0);
  // Questions are embedded as the passages are.
  CHECK(failure(question(R"({"text":"who?","dimensions":2})")) ==
        "invalid_options: unknown key 'dimensions' in this row. There are: text, top_k");
}

TEST_CASE("a bad JSON row fails alone and says why", "[cli][rows]") {
  CHECK(failure(row("")).find("invalid_input: an empty line is not JSON") == 0);
  CHECK(failure(row("{\"text\":\"a\"")).find("invalid_input: not JSON at byte") == 0);
  CHECK(failure(row("nonsense")).find("invalid_input: not JSON at byte 1") == 0);
  CHECK(failure(row("[1]")).find("invalid_input: a row must be") == 0);
  CHECK(failure(row("{}")) == "invalid_input: the object has no 'text'");
  CHECK(failure(row(R"({"text":7})")) == "invalid_options: 'text' of this row must be a string, not 7");
  CHECK(failure(row(R"({"text":"a","poolin":"cls"})")).find("Did you mean 'pooling'?") != std::string::npos);
  CHECK(failure(row(R"({"text":"a","pooling":"sum"})")).find("invalid_options: 'pooling' of this row must be one of") ==
        0);
  CHECK(failure(row(R"({"text":"a","max_length":0})")).find("invalid_options: 'max_length'") == 0);
  CHECK(failure(row(R"({"text":"a","max_length":1.5})")).find("invalid_options: 'max_length'") == 0);
  CHECK(failure(row(R"({"text":"a","max_length":1e999})")).find("invalid_input: a number of this line is out of") == 0);
  CHECK(failure(row("{\"text\":\"a\",\"" + std::string(1'000'000, 'x') + "\":1}")).size() < 300);
  CHECK(failure(row(R"({"text":"a","normalize":1})")).find("must be true or false, not 1") != std::string::npos);
  CHECK(failure(row(R"({"text":"a","prompt":"b","prompt_name":"c"})")).find("exclude each other") != std::string::npos);
  CHECK(failure(row(R"("\ud800")")).find("invalid_input: not JSON") == 0);
}

TEST_CASE("a JSON value nested a million times deep fails its row only", "[cli][rows]") {
  const std::string deep = R"({"text":)" + std::string(1'000'000, '[') + std::string(1'000'000, ']') + "}";
  CHECK(failure(row(deep)) == "invalid_options: 'text' of this row must be a string, not a value of type array");
}

TEST_CASE("decoding reads JSON arrays of ids", "[cli][rows]") {
  CHECK(ids("[101, 7592,102]").ids == std::vector<std::int32_t>{101, 7592, 102});
  CHECK(ids("[]").ids.empty());
  for (const auto* bad : {"", "101", "[1,-2]", "[1e999]", "[1.5]", "[\"1\"]", "[4294967296]", "[1", "{}"})
    CHECK(ids(bad).error);
}
