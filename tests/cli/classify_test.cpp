// SPDX-License-Identifier: Apache-2.0
// `modelpool classify` as a process; what is expected comes from transformers' pipelines.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "process.hpp"
#include "support/catch.hpp"

using namespace modelpool::test;
using Json = nlohmann::json;
namespace fs = std::filesystem;

namespace {

std::string folder(const std::string& name) { return (fs::path(MODELPOOL_TEST_DATA) / "classifiers" / name).string(); }

std::vector<std::string> with_model(const std::string& command, const std::string& name,
                                    std::vector<std::string> more) {
  more.insert(more.begin(), {command, "--model", folder(name), "--device", "cpu", "--dtype", "float32"});
  return more;
}

std::vector<Json> rows_of(const std::string& out) {
  std::vector<Json> rows;
  for (const auto& line : lines_of(out)) rows.push_back(Json::parse(line));
  return rows;
}

// Equal but for rounding of the scores.
void check_same(const Json& found, const Json& expected) {
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    auto a = found[i];
    auto b = expected[i];
    CHECK(a["score"].get<double>() == Approx(b["score"].get<double>()).margin(1e-5));
    a.erase("score");
    b.erase("score");
    CHECK(a == b);
  }
}

}  // namespace

TEST_CASE("classify prints what transformers' pipelines give, field for field", "[cli][classify]") {
  const std::string name = GENERATE("bert_token", "roberta_text");
  const auto expected = Json::parse(std::ifstream(folder(name) + "/expected.json"));
  const bool of_tokens = name == "bert_token";
  for (const auto row : {std::size_t{0}, std::size_t{1}}) {
    if (row == 1 && !of_tokens) continue;
    std::vector<std::string> arguments{"--json", "--aggregation", row == 1 ? "simple" : "none", "--"};
    for (const auto& text : expected["texts"]) arguments.push_back(text.get<std::string>());
    const auto r = run(with_model("classify", name, arguments));
    INFO(r.err);
    REQUIRE(r.code == 0);
    const auto rows = rows_of(r.out);
    REQUIRE(rows.size() == expected["texts"].size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      CHECK(rows[i]["index"] == i);
      CHECK(rows[i].size() == 2);
      check_same(rows[i].at(of_tokens ? "entities" : "labels"), expected["cases"][row]["results"][i]);
    }
  }
}

TEST_CASE("a row of classify has options of its own, and fails alone", "[cli][classify]") {
  const auto r =
      run(with_model("classify", "bert_token", {"--json", "--input", "-", "--input-format", "jsonl"}),
          {.input = "{\"text\":\"the water\",\"aggregation\":\"simple\"}\n\"the water\"\n{\"text\":\"x\",\"top_k\":2}\n"
                    "{\"text\":\"the water\",\"max_length\":3}\n{\"text\":\"x\",\"max_length\":1}\n"});
  CHECK(r.code == 1);
  const auto rows = rows_of(r.out);
  REQUIRE(rows.size() == 5);
  CHECK(std::ranges::all_of(rows[0]["entities"], [](const Json& e) { return e.contains("entity_group"); }));
  CHECK(std::ranges::all_of(rows[1]["entities"], [](const Json& e) { return e.contains("entity"); }));
  CHECK(rows[2]["error"]["code"] == "invalid_options");
  CHECK(rows[3]["entities"].size() <= 1);
  CHECK(rows[4]["error"]["code"] == "invalid_options");
}

TEST_CASE("classify for people is a line for each text", "[cli][classify]") {
  const auto r = run(with_model("classify", "one_label", {"the water", ""}));
  CHECK(r.code == 0);
  const auto lines = lines_of(r.out);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].starts_with("0: LABEL_0 ("));
}

TEST_CASE("classify refuses what it cannot do in one line", "[cli][classify]") {
  const auto no_classifier = run({"classify", "--model", data("tiny_bert"), "x"});
  CHECK(no_classifier.code == 2);
  CHECK(no_classifier.err.find("BertModel") != std::string::npos);
  const auto wrong_option = run(with_model("classify", "bert_text", {"--aggregation", "first", "x"}));
  CHECK(wrong_option.code == 2);
  CHECK(wrong_option.err.find("none, simple") != std::string::npos);
  const auto of_texts = run(with_model("classify", "bert_text", {"--aggregation", "simple", "x"}));
  CHECK(of_texts.code == 2);
  CHECK(of_texts.err.find("aggregation") != std::string::npos);
}

TEST_CASE("info and bench know classifiers", "[cli][classify]") {
  const auto info = run(with_model("info", "mpnet_token", {"--json"}));
  REQUIRE(info.code == 0);
  CHECK(rows_of(info.out).at(0)["task"] == "token-classification");
  CHECK(rows_of(info.out).at(0)["labels"].size() == 6);
  const auto bench = run(with_model(
      "bench", "bert_token", {"--json", "--seconds", "0.2", "--callers", "3", "--aggregation", "simple", "the water"}));
  INFO(bench.err);
  REQUIRE(bench.code == 0);
  CHECK(rows_of(bench.out).at(0)["requests_per_second"].get<double>() > 0);
  CHECK(rows_of(bench.out).at(0)["callers"] == 3);
}
