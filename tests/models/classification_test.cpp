// SPDX-License-Identifier: Apache-2.0
// Classifiers against transformers' pipelines (tests/scripts/make_classification_fixtures.py).
#include "modelpool/managers/classification.hpp"

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "modelpool/pool/errors.hpp"
#include "models/model_testing.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace modelpool;
using modelpool::test::error_of_loading;
using modelpool::test::read_json;
using modelpool::test::TemporaryFolder;
using namespace std::chrono_literals;
using Json = nlohmann::json;
namespace fs = std::filesystem;

namespace {

const fs::path kData = fs::path(MODELPOOL_TEST_DATA) / "classifiers";

ClassificationManager manager(const fs::path& folder, std::size_t pool_size = 1, DType dtype = DType::float32) {
  return ClassificationManager{folder, {.dtype = dtype, .pool_size = pool_size, .threads = 1}, Settings{}};
}

// A copy of a fixture whose config.json a test may change.
class Copy {
 public:
  Copy(const std::string& name, const Json& changes) {
    fs::copy(kData / name, path(), fs::copy_options::recursive);
    auto config = read_json(path() / "config.json");
    config.update(changes);
    std::ofstream(path() / "config.json") << config;
  }
  [[nodiscard]] fs::path path() const { return folder_.path() / "model"; }

 private:
  TemporaryFolder folder_;
};

std::string error_of(const fs::path& folder) {
  return error_of_loading([&] { return manager(folder); });
}

void check_entity(const Entity& found, const Json& expected) {
  CHECK(found.label == expected.value("entity", expected.value("entity_group", "")));
  CHECK(found.score == Approx(expected["score"].get<double>()).margin(1e-5));
  CHECK(found.index.has_value() == expected.contains("index"));
  if (found.index) CHECK(*found.index == expected["index"].get<std::size_t>());
  CHECK(found.word == expected["word"].get<std::string>());
  CHECK(found.start == expected["start"].get<std::size_t>());
  CHECK(found.end == expected["end"].get<std::size_t>());
}

void check_case(const Copy& folder, const Json& row, const std::vector<std::string>& texts) {
  auto classifier = manager(folder.path());
  const auto aggregation = parse_aggregation(row.value("aggregation", "none"));
  const auto found = classifier.classify(texts, {.aggregation = aggregation});
  for (std::size_t i = 0; i < texts.size(); ++i) {
    CAPTURE(texts[i]);
    const auto& expected = row["results"][i];
    const auto& result = found.texts[i];
    REQUIRE(result.entities.size() + result.labels.size() == expected.size());
    for (std::size_t k = 0; k < result.entities.size(); ++k) check_entity(result.entities[k], expected[k]);
    for (std::size_t k = 0; k < result.labels.size(); ++k) {
      CHECK(result.labels[k].label == expected[k]["label"].get<std::string>());
      CHECK(result.labels[k].score == Approx(expected[k]["score"].get<double>()).margin(1e-5));
    }
  }
}

}  // namespace

TEST_CASE("labels, scores and entities equal those of transformers' pipelines", "[classification]") {
  const std::string name = GENERATE("bert_token", "bert_text", "roberta_token", "roberta_text", "xlm_roberta_text",
                                    "distilbert_token", "distilbert_text", "mpnet_token", "mpnet_text", "one_label");
  const auto expected = read_json(kData / name / "expected.json");
  const auto texts = expected["texts"].get<std::vector<std::string>>();
  for (const auto& row : expected["cases"]) {
    CAPTURE(name, row.value("aggregation", ""), row.value("config", Json::object()).dump());
    check_case(Copy(name, row.value("config", Json::object())), row, texts);
  }
}

TEST_CASE("a classifier tells its task and labels", "[classification]") {
  auto of_tokens = manager(kData / "bert_token");
  CHECK(of_tokens.classifies_tokens());
  CHECK(of_tokens.labels().size() == 6);
  CHECK(of_tokens.max_length() == 40);
  const auto info = Json::parse(of_tokens.info().to_json());
  CHECK(info["task"] == "token-classification");
  CHECK(info["architecture"] == "BertForTokenClassification");
  CHECK(info["labels"][1] == "B-PER");
  CHECK_FALSE(info.contains("dimension"));
  auto of_texts = manager(kData / "one_label");
  CHECK_FALSE(of_texts.classifies_tokens());
  CHECK(of_texts.labels() == std::vector<std::string>{"LABEL_0"});
  CHECK(of_texts.info().task == "text-classification");
  CHECK(task_of(kData / "roberta_text") == "text-classification");
  CHECK(task_of(fs::path(MODELPOOL_TEST_DATA) / "encoders" / "bert") == "embedding");
}

TEST_CASE("a text is classified the same alone, among others, on a lease and from many threads", "[classification]") {
  const auto texts = read_json(kData / "bert_token" / "expected.json")["texts"].get<std::vector<std::string>>();
  auto classifier = manager(kData / "bert_token", 3);
  const auto together = classifier.classify(texts);
  const auto lease = classifier.acquire();
  const auto leased = classifier.classify(texts, *lease, {.batch_size = 1});
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto alone = classifier.classify(texts[i]);
    REQUIRE(alone.entities.size() == together.texts[i].entities.size());
    REQUIRE(alone.entities.size() == leased.texts[i].entities.size());
    for (std::size_t k = 0; k < alone.entities.size(); ++k) {
      CHECK(alone.entities[k].score == together.texts[i].entities[k].score);
      CHECK(alone.entities[k].score == leased.texts[i].entities[k].score);
    }
  }
  CHECK(lease->weight_bytes() > 10'000);
  CHECK(lease->state_bytes() > 0);
}

TEST_CASE("lower precisions rarely change a label's score", "[classification]") {
  const auto dtype = GENERATE(DType::bfloat16, DType::int8);
  const auto exact = manager(kData / "bert_text").classify("the little water");
  const auto found = manager(kData / "bert_text", 1, dtype).classify("the little water");
  CHECK(found.labels.front().label == exact.labels.front().label);
  CHECK(found.labels.front().score == Approx(exact.labels.front().score).margin(0.05));
}

TEST_CASE("a bad text fails alone, or the call where there is no sink", "[classification]") {
  auto classifier = manager(kData / "roberta_text", 2);
  const std::vector<std::string> texts{"fine", "bad \xff byte", "fine too"};
  std::map<std::size_t, std::string> told;
  classifier.classify_each(texts, {.on_result = [&](std::size_t i, const Classification&) { told[i] = "result"; },
                                   .on_error = [&](std::size_t i, const Error& error) { told[i] = error.code(); }});
  CHECK(told == std::map<std::size_t, std::string>{{0, "result"}, {1, "invalid_input"}, {2, "result"}});
  try {
    (void)classifier.classify(texts);
    FAIL("no error");
  } catch (const InvalidInput& error) {
    CHECK(error.index == 1U);
    CHECK(error.byte_offset == 4U);
  }
  CHECK(classifier.classify(std::vector<std::string>{}).texts.empty());
}

TEST_CASE("a stopped classification is Cancelled, one out of time DeadlineExceeded or AcquireTimeout",
          "[classification]") {
  auto classifier = manager(kData / "roberta_text");
  std::stop_source source;
  source.request_stop();
  CHECK_THROWS_AS(classifier.classify({"a", "b"}, {.stop = source.get_token()}), Cancelled);
  CHECK_THROWS_AS(classifier.classify({"a", "b"}, {.timeout = 0ns}), DeadlineExceeded);
  const auto lease = classifier.acquire();
  std::jthread other([&] { CHECK_THROWS_AS(classifier.classify({"a", "b"}, {.timeout = 20ms}), AcquireTimeout); });
}

TEST_CASE("options that a classifier cannot fulfil are refused by name", "[classification]") {
  auto classifier = manager(kData / "roberta_text");
  CHECK_THROWS_WITH(classifier.classify("x", {.aggregation = Aggregation::simple}), Catch::Contains("aggregation"));
  CHECK_THROWS_WITH(classifier.classify("x", {.max_length = 2}), Catch::Contains("max_length"));
  CHECK_THROWS_WITH(classifier.classify("x", {.max_length = 47}), Catch::Contains("46"));
  CHECK_THROWS_AS(classifier.classify("x", {.batch_size = 0}), InvalidOptions);
  CHECK_THROWS_AS(classifier.classify("x", {.batch_tokens = 0}), InvalidOptions);
  CHECK_THROWS_AS(parse_aggregation("first"), InvalidOptions);
}

TEST_CASE("a folder that is no classifier, or a wrong one, is told with file and key", "[classification]") {
  CHECK_THAT(error_of("/nowhere/at/all"), Catch::Contains("no such folder"));
  CHECK_THAT(error_of(Copy("bert_text", {{"architectures", {"BertModel"}}}).path()),
             Catch::Contains("unsupported_model") && Catch::Contains("architectures") && Catch::Contains("BertModel"));
  CHECK_THAT(error_of(Copy("bert_text", {{"architectures", {"BertForTokenClassification"}}}).path()),
             Catch::Contains("no error"));
  CHECK_THAT(error_of(Copy("bert_token", {{"architectures", {"BertForSequenceClassification"}}}).path()),
             Catch::Contains("pooler.dense.weight"));
  CHECK_THAT(error_of(Copy("bert_text", {{"problem_type", "ranking"}}).path()),
             Catch::Contains("unsupported_model") && Catch::Contains("problem_type") && Catch::Contains("ranking"));
  CHECK_THAT(error_of(Copy("bert_text", {{"id2label", {{"0", "a"}, {"2", "b"}}}}).path()),
             Catch::Contains("id2label") && Catch::Contains("number 1"));
  CHECK_THAT(error_of(Copy("bert_text", {{"id2label", {{"0", "a"}, {"1", "b"}}}}).path()),
             Catch::Contains("classifier.weight") && Catch::Contains("[2, 16]"));
  CHECK_THAT(error_of(Copy("bert_text", {{"id2label", {{"0", 1}}}}).path()), Catch::Contains("string"));
}
