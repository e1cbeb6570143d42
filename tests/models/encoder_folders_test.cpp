// SPDX-License-Identifier: Apache-2.0
// Every encoder architecture and every module of sentence-transformers folders, against what sentence-transformers computes
// with them (tests/scripts/make_encoder_fixtures.py).
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "modelpool/managers/embedding.hpp"
#include "modelpool/pool/errors.hpp"
#include "models/model_testing.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace modelpool;
using modelpool::test::embed_options_of;
using modelpool::test::error_of_loading;
using modelpool::test::read_json;
using modelpool::test::TemporaryFolder;
using Json = nlohmann::json;
namespace fs = std::filesystem;

namespace {

const fs::path kData = fs::path(MODELPOOL_TEST_DATA) / "encoders";

EmbeddingManager manager(const fs::path& folder, DType dtype = DType::float32) {
  return EmbeddingManager{folder, {.dtype = dtype, .pool_size = 1, .threads = 1}, Settings{}};
}

// A copy of a fixture that a test may change.
class Copy {
 public:
  explicit Copy(const std::string& name) { fs::copy(kData / name, path(), fs::copy_options::recursive); }
  [[nodiscard]] fs::path path() const { return folder_.path() / "model"; }
  [[nodiscard]] fs::path operator/(const std::string& file) const { return path() / file; }
  void write(const std::string& file, const Json& value) const {
    fs::create_directories((path() / file).parent_path());
    std::ofstream(path() / file) << value;
  }
  // Only some keys.
  void change(const std::string& file, const Json& values) const {
    auto json = fs::exists(path() / file) ? read_json(path() / file) : Json::object();
    json.update(values);
    write(file, json);
  }

 private:
  TemporaryFolder folder_;
};

double cosine(std::span<const float> a, std::span<const float> b) {
  double dot = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    dot += double{a[i]} * double{b[i]};
    aa += double{a[i]} * double{a[i]};
    bb += double{b[i]} * double{b[i]};
  }
  return aa == 0 && bb == 0 ? 1 : dot / std::sqrt(aa * bb);
}

void check_equal(std::span<const float> found, const std::vector<float>& expected) {
  REQUIRE(found.size() == expected.size());
  CHECK(cosine(found, expected) >= 0.99999);
  double largest = 0;
  double scale = 1;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, std::abs(double{found[i]} - double{expected[i]}));
    scale = std::max(scale, std::abs(double{expected[i]}));
  }
  CHECK(largest <= 1e-4 * scale);
}

// @param variant  the fixture's changes and what they lead to
void check_variant(const Json& variant, const Copy& folder, const Json& texts) {
  const auto removed = variant.value("remove", Json::array());
  for (const auto& name : removed) fs::remove_all(folder / name);
  const auto written = variant.value("write", Json::object());
  for (const auto& [name, value] : written.items()) {
    name == "config.json" ? folder.change(name, value) : folder.write(name, value);
  }
  auto embedder = manager(folder.path());
  if (variant.contains("max_seq_length")) CHECK(embedder.max_length() == variant["max_seq_length"].get<std::size_t>());
  const auto options = embed_options_of(variant.value("options", Json::object()));
  const auto found = embedder.embed(variant.value("texts", texts).get<std::vector<std::string>>(), options);
  CHECK(found.dimension == embedder.dimension(options));
  REQUIRE(found.num_texts == variant["embeddings"].size());
  for (std::size_t i = 0; i < found.num_texts; ++i) {
    CAPTURE(i);
    check_equal(found[i], variant["embeddings"][i].get<std::vector<float>>());
  }
}

std::string error_of(const fs::path& folder) {
  return error_of_loading([&] { return manager(folder); });
}

Json module_rows(const std::vector<std::string>& types) {
  Json rows = Json::array();
  for (std::size_t i = 0; i < types.size(); ++i) {
    const auto path = i == 0 ? "" : std::to_string(i) + "_" + types[i];
    rows.push_back({{"idx", i}, {"name", std::to_string(i)}, {"path", path}, {"type", "a.b." + types[i]}});
  }
  return rows;
}

}  // namespace

TEST_CASE("folders of every architecture, in all their variants, embed as sentence-transformers does", "[encoders]") {
  const std::string name = GENERATE("bert", "bert_float16", "roberta", "roberta_bpe", "xlm_roberta",
                                    "xlm_roberta_unigram", "mpnet", "distilbert");
  const auto expected = read_json(kData / name / "expected.json");
  for (const auto& variant : expected["variants"]) {
    const auto title = name + ": " + variant["name"].get<std::string>();
    CAPTURE(title);
    check_variant(variant, Copy(name), expected["texts"]);
  }
}

TEST_CASE("lower precisions keep the vectors of every architecture", "[encoders]") {
  const std::string name = GENERATE("bert", "roberta", "xlm_roberta", "mpnet", "distilbert");
  const auto dtype = GENERATE(DType::bfloat16, DType::int8);
  CAPTURE(name, to_string(dtype));
  const std::vector<std::string> texts{"", "the water", "many people find the little water very long"};
  const auto exact = manager(kData / name).embed(texts);
  const auto found = manager(kData / name, dtype).embed(texts);
  for (std::size_t i = 0; i < texts.size(); ++i) CHECK(cosine(found[i], exact[i]) > 0.99);
}

TEST_CASE("RoBERTa's kind has two positions fewer than its table, whatever the folder leaves out or overstates",
          "[encoders]") {
  const Copy folder("roberta");
  SECTION("no model_max_length") { folder.change("tokenizer_config.json", {{"model_max_length", nullptr}}); }
  SECTION("a max_seq_length of all rows") { folder.write("sentence_bert_config.json", {{"max_seq_length", 48}}); }
  auto embedder = manager(folder.path());
  CHECK(embedder.max_length() == 46);
  std::string text;
  for (int i = 0; i < 100; ++i) text += "water ";
  CHECK(embedder.embed({text}).tokens == std::vector<std::size_t>{46});
}

TEST_CASE("info names the architecture and what follows the pooling", "[encoders]") {
  const auto info = manager(kData / "bert").info();
  CHECK(info.modules == std::vector<std::string>{"Dense 16 -> 12, Tanh", "Normalize"});
  CHECK(info.normalize);
  CHECK(info.dimension == 12);
  CHECK(info.ignored_tensors ==
        std::vector<std::string>{"embeddings.position_ids", "pooler.dense.bias", "pooler.dense.weight"});
  CHECK(manager(kData / "mpnet").info().model_type == "mpnet");
  CHECK(manager(kData / "roberta").info().architecture == "RobertaForMaskedLM");
  CHECK(manager(kData / "xlm_roberta").info().model_type == "xlm-roberta");
}

TEST_CASE("keys of config.json that would change results are refused by name", "[encoders]") {
  const Copy folder("roberta");
  const auto refused = [&](const Json& keys, const std::string& name) {
    folder.change("config.json", keys);
    CHECK_THAT(error_of(folder.path()), Catch::Contains("unsupported_model") && Catch::Contains(name));
  };
  SECTION("positions") { refused({{"position_embedding_type", "relative_key"}}, "relative_key"); }
  SECTION("a decoder") { refused({{"is_decoder", true}}, "is_decoder"); }
  SECTION("cross-attention") { refused({{"add_cross_attention", true}}, "add_cross_attention"); }
  SECTION("heads cut out") { refused({{"pruned_heads", {{"0", {1}}}}}, "pruned_heads"); }
  SECTION("quantised weights") { refused({{"quantization_config", {{"bits", 4}}}}, "quantization_config"); }
  SECTION("a padding token outside the vocabulary") {
    folder.change("config.json", {{"pad_token_id", 4000}});
    CHECK_THAT(error_of(folder.path()), Catch::Contains("load_error") && Catch::Contains("pad_token_id"));
  }
  SECTION("keys at their defaults are none") {
    folder.change("config.json",
                  {{"is_decoder", false}, {"pruned_heads", Json::object()}, {"add_cross_attention", nullptr}});
    CHECK(error_of(folder.path()) == "no error");
  }
}

TEST_CASE("tensors that an architecture does not know, and those it misses, are errors", "[encoders]") {
  SECTION("of another architecture") {
    const Copy folder("distilbert");
    fs::copy_file(kData / "bert" / "model.safetensors", folder / "model.safetensors",
                  fs::copy_options::overwrite_existing);
    CHECK_THAT(error_of(folder.path()),
               Catch::Contains("transformer.layer.0") && Catch::Contains("missing") && Catch::Contains("16, 16"));
  }
  SECTION("MPNet's table of another size") {
    const Copy folder("mpnet");
    folder.change("config.json", {{"relative_attention_num_buckets", 33}});
    CHECK_THAT(error_of(folder.path()), Catch::Contains("relative_attention_bias") && Catch::Contains("33"));
  }
  SECTION("token types beside a configuration without") {
    const Copy folder("bert");
    folder.change("config.json", {{"type_vocab_size", 0}});
    CHECK_THAT(error_of(folder.path()), Catch::Contains("token_type_embeddings"));
  }
}

TEST_CASE("modules after the pooling are checked against each other and named when there is none such", "[encoders]") {
  const Copy folder("bert");
  SECTION("a module that is not there") {
    folder.write("modules.json", module_rows({"Transformer", "Pooling", "WeightedLayerPooling"}));
    CHECK_THAT(error_of(folder.path()), Catch::Contains("unsupported_model") &&
                                            Catch::Contains("WeightedLayerPooling") && Catch::Contains("Dense"));
  }
  SECTION("no pooling") {
    folder.write("modules.json", module_rows({"Transformer", "Normalize"}));
    CHECK_THAT(error_of(folder.path()), Catch::Contains("load_error") && Catch::Contains("modules.json"));
  }
  SECTION("a second transformer") {
    folder.write("modules.json", module_rows({"Transformer", "Pooling", "Transformer"}));
    CHECK_THAT(error_of(folder.path()), Catch::Contains("unsupported_model") && Catch::Contains("Transformer"));
  }
  SECTION("a size that does not fit") {
    folder.change("2_Dense/config.json", {{"in_features", 17}});
    CHECK_THAT(error_of(folder.path()),
               Catch::Contains("2_Dense") && Catch::Contains("in_features") && Catch::Contains("16"));
  }
  SECTION("a size that the weights do not have") {
    folder.change("2_Dense/config.json", {{"out_features", 13}});
    CHECK_THAT(error_of(folder.path()),
               Catch::Contains("2_Dense") && Catch::Contains("linear.weight") && Catch::Contains("13"));
  }
  SECTION("no size") {
    folder.change("2_Dense/config.json", {{"in_features", nullptr}});
    CHECK_THAT(error_of(folder.path()), Catch::Contains("in_features") && Catch::Contains("missing"));
  }
  SECTION("an activation that is not there") {
    folder.change("2_Dense/config.json", {{"activation_function", "torch.nn.modules.activation.Mish"}});
    CHECK_THAT(error_of(folder.path()),
               Catch::Contains("unsupported_model") && Catch::Contains("Mish") && Catch::Contains("Tanh"));
  }
  SECTION("an activation of somebody's own") {
    folder.change("2_Dense/config.json", {{"activation_function", "mine.Tanh"}});
    CHECK_THAT(error_of(folder.path()), Catch::Contains("unsupported_model") && Catch::Contains("mine.Tanh"));
  }
  SECTION("vectors of tokens") {
    folder.change("2_Dense/config.json", {{"module_input_name", "token_embeddings"}});
    CHECK_THAT(error_of(folder.path()), Catch::Contains("unsupported_model") && Catch::Contains("module_input_name"));
  }
  SECTION("a bias that nobody asked for") {
    folder.change("2_Dense/config.json", {{"bias", false}});
    CHECK_THAT(error_of(folder.path()), Catch::Contains("linear.bias"));
  }
  SECTION("no folder for a module with weights") {
    fs::remove_all(folder / "2_Dense");
    CHECK_THAT(error_of(folder.path()), Catch::Contains("2_Dense") && Catch::Contains("config.json"));
  }
}

TEST_CASE("the transformer may lie in a folder of its own", "[encoders]") {
  const std::vector<std::string> texts{"", "the water", "many people find the little water"};
  const auto expected = manager(kData / "bert").embed(texts);
  const Copy folder("bert");
  fs::create_directory(folder / "0_Transformer");
  for (const auto* name :
       {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "sentence_bert_config.json"}) {
    fs::rename(folder / name, folder / ("0_Transformer/" + std::string(name)));
  }
  auto modules = read_json(folder / "modules.json");
  modules[0]["path"] = "0_Transformer";
  folder.write("modules.json", modules);
  auto embedder = manager(folder.path());
  CHECK(embedder.max_length() == 24);
  CHECK(embedder.embed(texts).values == expected.values);
}

TEST_CASE("do_lower_case is refused where the tokenizer keeps case", "[encoders]") {
  const Copy folder("roberta");
  folder.write("sentence_roberta_config.json", {{"max_seq_length", 20}, {"do_lower_case", true}});
  CHECK(error_of(folder.path()) == "no error");
  auto tokenizer = read_json(folder / "tokenizer.json");
  tokenizer["normalizer"]["lowercase"] = false;
  folder.write("tokenizer.json", tokenizer);
  CHECK_THAT(error_of(folder.path()), Catch::Contains("unsupported_model") && Catch::Contains("do_lower_case"));
}

TEST_CASE("a request's pooling must fit the modules that follow it", "[encoders]") {
  const Copy folder("bert");
  folder.write(
      "1_Pooling/config.json",
      {{"word_embedding_dimension", 16}, {"pooling_mode_cls_token", true}, {"pooling_mode_mean_tokens", true}});
  folder.change("2_Dense/config.json", {{"in_features", 32}});
  auto embedder = manager(folder.path());
  CHECK(embedder.dimension() == 12);
  CHECK_THROWS_WITH(embedder.dimension({.pooling = Pooling::cls}), Catch::Contains("pooling") && Catch::Contains("16"));
  auto narrow = manager(kData / "bert");
  CHECK(narrow.embed("the water", {.pooling = Pooling::cls}).size() == 12);
  CHECK(narrow.embed("the water", {.normalize = false}) != narrow.embed("the water"));
}
