// SPDX-License-Identifier: Apache-2.0
// Embedding folders against what sentence-transformers computes with them (tests/scripts/make_embedding_fixtures.py).
#include "modelpool/managers/embedding.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "modelpool/device/memory.hpp"
#include "modelpool/pool/errors.hpp"
#include "modelpool/tokenizers/tokenizer.hpp"
#include "modelpool/weights/safetensors.hpp"
#include "modelpool/weights/weight_store.hpp"
#include "models/model_testing.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "support/torch_bytes.hpp"

using namespace modelpool;
using modelpool::test::embed_options_of;
using modelpool::test::error_of_loading;
using modelpool::test::read_json;
using modelpool::test::TemporaryFolder;
using namespace std::chrono_literals;
using Json = nlohmann::json;
namespace fs = std::filesystem;

namespace {

const fs::path kData = fs::path(MODELPOOL_TEST_DATA) / "embeddings";

// In float32, whatever is the fastest here: it is what the fixtures are compared with.
EmbeddingManager manager(const fs::path& folder, ManagerOptions options = {}) {
  if (options.dtype == DType::automatic) options.dtype = DType::float32;
  return EmbeddingManager{folder, options, Settings{}};
}

struct Difference {
  double largest = 0;
  double cosine = 1;
};

Difference compare(std::span<const float> found, const std::vector<double>& expected) {
  REQUIRE(found.size() == expected.size());
  Difference difference;
  double dot = 0;
  double a = 0;
  double b = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double value = found[i];
    difference.largest = std::max(difference.largest, std::abs(value - expected[i]));
    dot += value * expected[i];
    a += value * value;
    b += expected[i] * expected[i];
  }
  difference.cosine = dot / std::sqrt(a * b);
  return difference;
}

// The real model, where there is one; else empty.
std::string minilm_folder() {
  const char* variable = std::getenv("MODELPOOL_MINILM_DIR");
  return variable ? variable : MODELPOOL_MINILM_DIR;
}

std::vector<std::string> some_texts(std::size_t count) {
  const std::vector<std::string> words{"the", "water", "people", "find", "unbelievable", "x", "said", "time"};
  std::vector<std::string> texts(count);
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t w = 0; w < i * 7 % 23; ++w) texts[i] += words[(i + w * w) % words.size()] + " ";
  }
  return texts;
}

// A copy of a fixture that a test may damage.
class Copy {
 public:
  explicit Copy(const std::string& name) { fs::copy(kData / name, path(), fs::copy_options::recursive); }
  [[nodiscard]] fs::path path() const { return folder_.path() / "model"; }
  void change(const std::string& file, const std::string& key, const Json& value) const {
    auto json = read_json(path() / file);
    json[key] = value;
    std::ofstream(path() / file) << json;
  }

 private:
  TemporaryFolder folder_;
};

std::string error_of(const fs::path& folder) {
  return error_of_loading([&] { return manager(folder); });
}

}  // namespace

TEST_CASE("embeddings of every kind of folder equal sentence-transformers'", "[embedding]") {
  const std::string name = GENERATE("mean_normalize", "no_modules", "joined", "joined_by_name", "prompts",
                                    "prompt_not_pooled", "mean_sqrt_len", "old_names");
  CAPTURE(name);
  const auto expected = read_json(kData / name / "expected.json");
  const auto texts = expected["texts"].get<std::vector<std::string>>();
  auto embedder = manager(kData / name);
  CHECK(embedder.max_length() == expected["max_seq_length"].get<std::size_t>());
  for (const auto& row : expected["cases"]) {
    CAPTURE(row["options"].dump());
    const auto options = embed_options_of(row["options"]);
    const auto found = embedder.embed(texts, options);
    REQUIRE(found.num_texts == texts.size());
    CHECK(found.dimension == embedder.dimension(options));
    for (std::size_t i = 0; i < texts.size(); ++i) {
      CAPTURE(texts[i]);
      const auto vector = row["embeddings"][i].get<std::vector<double>>();
      const auto scale = std::abs(*std::ranges::max_element(vector, {}, [](double x) { return std::abs(x); }));
      const auto difference = compare(found[i], vector);
      CHECK(difference.cosine >= 0.99999);
      CHECK(difference.largest <= 1e-4 * std::max(1.0, scale));
    }
  }
}

TEST_CASE("a folder with pytorch_model.bin alone gives the vectors that it gives with safetensors", "[embedding]") {
  const std::string name = GENERATE("mean_normalize", "no_modules", "old_names");
  const bool in_archive = GENERATE(true, false);
  CAPTURE(name, in_archive);
  const Copy copy{name};
  std::vector<test::TorchTensor> tensors;
  const auto file = Safetensors::open_file(copy.path() / "model.safetensors");
  for (const auto& tensor : file.tensors())
    if (tensor.type == ElementType::f32)
      tensors.push_back({.name = tensor.name,
                         .shape = tensor.shape,
                         .data = {reinterpret_cast<const char*>(tensor.data.data()), tensor.data.size()}});
  fs::remove(copy.path() / "model.safetensors");
  std::ofstream(copy.path() / "pytorch_model.bin", std::ios::binary)
      << (in_archive ? test::torch_zip_of(tensors) : test::torch_stream_of(tensors));
  const auto texts = some_texts(5);
  const auto expected = manager(kData / name).embed(texts);
  const auto found = manager(copy.path()).embed(texts);
  for (std::size_t i = 0; i < texts.size(); ++i) CHECK(std::ranges::equal(found[i], expected[i]));
}

TEST_CASE("the real all-MiniLM-L6-v2 agrees with sentence-transformers on hard texts", "[embedding][minilm]") {
  const auto folder = minilm_folder();
  if (folder.empty()) SKIP("neither the environment nor the build's MODELPOOL_MINILM_DIR names the model's folder");
  const auto expected = read_json(kData / "minilm.json");
  const auto texts = expected["texts"].get<std::vector<std::string>>();
  auto embedder = manager(folder);
  const auto found = embedder.embed(texts);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    CAPTURE(texts[i]);
    const auto difference = compare(found[i], expected["embeddings"][i].get<std::vector<double>>());
    CHECK(difference.cosine >= 0.99999);
    CHECK(difference.largest <= 1e-5);
  }
}

TEST_CASE("a text's vector has the same bits alone, in a batch, in any order and with any number of threads",
          "[embedding]") {
  const auto texts = some_texts(60);
  auto embedder = manager(kData / "mean_normalize", {.pool_size = 1, .threads = 1});
  auto threaded = manager(kData / "mean_normalize", {.pool_size = 2, .threads = 3});
  const auto together = embedder.embed(texts);
  const auto elsewhere = threaded.embed(texts, {.batch_size = 7});
  CHECK(elsewhere.values == together.values);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto alone = embedder.embed(texts[i]);
    CHECK(std::ranges::equal(alone, together[i]));
  }
}

TEST_CASE("sixteen instances on one set of weights give what one gives", "[embedding]") {
  const auto texts = some_texts(40);
  auto embedder = manager(kData / "joined", {.pool_size = 16, .threads = 1});
  const auto expected = embedder.embed(texts);
  std::atomic<int> wrong{0};
  std::vector<std::jthread> callers;
  for (int c = 0; c < 16; ++c) {
    callers.emplace_back([&] {
      for (int round = 0; round < 20; ++round) {
        const auto lease = embedder.acquire();
        if (embedder.embed(texts, *lease).values != expected.values) ++wrong;
      }
    });
  }
  callers.clear();
  CHECK(wrong == 0);
  CHECK(embedder.stats().size <= 16);
  CHECK(embedder.stats().leased == 0);
}

TEST_CASE("managers of one folder share one copy of the weights, which goes with its last user", "[embedding]") {
  const auto before = WeightStore::global().size();
  {
    auto first = manager(kData / "mean_sqrt_len");
    auto second = manager(kData / "mean_sqrt_len");
    CHECK(&first.tokenizer() == &second.tokenizer());
    CHECK(&first.tokenizer() != &manager(kData / "mean_normalize").tokenizer());
    CHECK(WeightStore::global().size() == before);
    first.warm_up(2);
    second.warm_up(1);
    CHECK(WeightStore::global().size() == before + 1);
    CHECK(first.shrink(0).destroyed == 2);
    CHECK(WeightStore::global().size() == before + 1);
    const auto report = second.shrink(0);
    CHECK(report.bytes >= second.info().weight_bytes);
    CHECK(WeightStore::global().size() == before);
    CHECK(second.embed("and loads again").size() == 24);
  }
  CHECK(WeightStore::global().size() == before);
}

TEST_CASE("texts are cut to max_length with their special tokens kept", "[embedding]") {
  auto embedder = manager(kData / "mean_normalize");
  CHECK(embedder.max_length() == 16);
  const std::vector<std::string> texts{"", "the water", std::string(1000, 'x') + " " + std::string(100, '!')};
  CHECK(embedder.embed(texts).tokens == std::vector<std::size_t>{2, 4, 16});
  CHECK(embedder.embed(texts, {.max_length = 3}).tokens == std::vector<std::size_t>{2, 3, 3});
  CHECK(embedder.embed(texts, {.max_length = 64}).tokens.back() == 64);
  CHECK_THROWS_AS(embedder.embed(texts, {.max_length = 65}), InvalidOptions);
  CHECK_THROWS_AS(embedder.embed(texts, {.max_length = 2}), InvalidOptions);
}

TEST_CASE("texts of any content are embedded: empty, with a NUL byte, of 10 MB", "[embedding]") {
  auto embedder = manager(kData / "mean_normalize");
  std::string huge;
  while (huge.size() < 10'000'000) huge += "many people find water ";
  const std::vector<std::string> texts{"", std::string("a\0b", 3), huge, "\n"};
  const auto found = embedder.embed(texts);
  CHECK(found.tokens[2] == 16);
  CHECK(std::ranges::all_of(found.values, [](float x) { return std::isfinite(x); }));
}

TEST_CASE("texts in braces are texts, one or many", "[embedding]") {
  auto embedder = manager(kData / "mean_normalize");
  const auto two = embedder.embed({"the water", "many people"});
  REQUIRE(two.num_texts == 2);
  const auto second = embedder.embed("many people");
  CHECK(std::vector<float>(two[1].begin(), two[1].end()) == second);
  CHECK(embedder.embed({"the water"}, {.dimensions = 4}).values.size() == 4);
}

TEST_CASE("no texts give no vectors", "[embedding]") {
  auto embedder = manager(kData / "mean_normalize");
  const auto none = embedder.embed(std::vector<std::string>{});
  CHECK(none.num_texts == 0);
  CHECK(none.dimension == 24);
  CHECK(none.values.empty());
}

TEST_CASE("a bad text fails a call before anything is computed, and says which it is", "[embedding]") {
  auto embedder = manager(kData / "mean_normalize");
  const std::vector<std::string> texts{"fine", "bad \xff byte", "also bad \xff"};
  try {
    (void)embedder.embed(texts);
    FAIL("no error");
  } catch (const InvalidInput& error) {
    CHECK(error.index == 1U);
    CHECK(error.byte_offset == 4U);
  }
  CHECK(embedder.stats().requests == 0);
}

TEST_CASE("embed_each tells every text once, and a bad one fails alone", "[embedding]") {
  auto embedder = manager(kData / "mean_normalize", {.pool_size = 3, .threads = 1});
  auto texts = some_texts(200);
  texts[17] = "\xc3";
  texts[150] = std::string("\xed\xa0\x80", 3);
  std::map<std::size_t, int> results;
  std::map<std::size_t, std::string> errors;
  const auto expected = embedder.embed(std::vector<std::string>(texts.begin(), texts.begin() + 17));
  embedder.embed_each(texts,
                      {.on_result =
                           [&](std::size_t i, std::span<const float> vector, std::size_t tokens) {
                             ++results[i];
                             if (i < 17) CHECK(std::ranges::equal(vector, expected[i]));
                             if (i < 17) CHECK(tokens == expected.tokens[i]);
                           },
                       .on_error = [&](std::size_t i, const Error& error) { errors[i] = error.code(); }},
                      {.batch_size = 9});
  CHECK(errors == std::map<std::size_t, std::string>{{17, "invalid_input"}, {150, "invalid_input"}});
  CHECK(results.size() == 198);
  CHECK(std::ranges::all_of(results, [](const auto& entry) { return entry.second == 1; }));
}

TEST_CASE("an exception of the sink ends the call, and no lease is left behind", "[embedding]") {
  auto embedder = manager(kData / "mean_normalize", {.pool_size = 2, .threads = 1});
  const auto texts = some_texts(100);
  const EmbedSink sink{
      .on_result = [](std::size_t, std::span<const float>, std::size_t) { throw std::logic_error("full"); }};
  CHECK_THROWS_AS(embedder.embed_each(texts, sink, {.batch_size = 5}), std::logic_error);
  CHECK(embedder.stats().leased == 0);
  CHECK(embedder.stats().idle > 0);
}

TEST_CASE("a stopped request is Cancelled, one out of time is DeadlineExceeded or AcquireTimeout", "[embedding]") {
  auto embedder = manager(kData / "mean_normalize", {.pool_size = 1});
  const auto texts = some_texts(20);
  std::stop_source source;
  source.request_stop();
  CHECK_THROWS_AS(embedder.embed(texts, {.stop = source.get_token()}), Cancelled);
  CHECK_THROWS_AS(embedder.embed(texts, {.timeout = 0ns}), DeadlineExceeded);

  const auto lease = embedder.acquire();
  CHECK_THROWS_AS(embedder.embed(texts, *lease, {.timeout = 0ns}), DeadlineExceeded);
  std::jthread other([&] { CHECK_THROWS_AS(embedder.embed(texts, {.timeout = 20ms}), AcquireTimeout); });
}

TEST_CASE("a stop between two batches keeps what was finished", "[embedding]") {
  auto embedder = manager(kData / "mean_normalize", {.pool_size = 1});
  const auto texts = some_texts(50);
  std::stop_source source;
  std::size_t done = 0;
  std::size_t cancelled = 0;
  embedder.embed_each(texts,
                      {.on_result =
                           [&](std::size_t, std::span<const float>, std::size_t) {
                             ++done;
                             source.request_stop();
                           },
                       .on_error =
                           [&](std::size_t, const Error& error) {
                             CHECK(error.code() == Cancelled::kCode);
                             ++cancelled;
                           }},
                      {.batch_size = 4, .stop = source.get_token()});
  CHECK(done == 4);
  CHECK(cancelled == 46);
}

TEST_CASE("a pooling named in the request replaces the folder's", "[embedding]") {
  auto embedder = manager(kData / "joined");
  CHECK(embedder.dimension() == 3 * 24);
  const auto joined = embedder.embed("the water");
  const auto cls = embedder.embed("the water", {.pooling = Pooling::cls});
  const auto max = embedder.embed("the water", {.pooling = Pooling::max});
  const auto mean = embedder.embed("the water", {.pooling = Pooling::mean});
  CHECK(std::ranges::equal(cls, std::span{joined}.subspan(0, 24)));
  CHECK(std::ranges::equal(max, std::span{joined}.subspan(24, 24)));
  CHECK(std::ranges::equal(mean, std::span{joined}.subspan(48, 24)));
  CHECK(embedder.embed("the water", {.pooling = Pooling::lasttoken}) != cls);
}

TEST_CASE("normalize false gives vectors as they are before a Normalize module", "[embedding]") {
  auto embedder = manager(kData / "mean_normalize");
  const auto raw = embedder.embed("the water", {.normalize = false});
  auto unit = raw;
  double square = 0;
  for (const auto x : raw) square += double{x} * double{x};
  for (auto& x : unit) x = static_cast<float>(x / std::sqrt(square));
  CHECK(square != Approx(1.0));
  const auto normal = embedder.embed("the water");
  for (std::size_t i = 0; i < unit.size(); ++i) CHECK(normal[i] == Approx(unit[i]).margin(1e-6));
}

TEST_CASE("options that a model cannot fulfil are refused by name", "[embedding]") {
  auto embedder = manager(kData / "prompts");
  CHECK(embedder.prompt_names() == std::vector<std::string>{"many", "query"});
  CHECK_THROWS_WITH(embedder.embed("x", {.prompt_name = "document"}),
                    Catch::Contains("prompt_name") && Catch::Contains("many, query"));
  CHECK_THROWS_WITH(embedder.embed("x", {.prompt = "a", .prompt_name = "many"}), Catch::Contains("not both"));
  CHECK_THROWS_WITH(embedder.embed("x", {.dimensions = 25}), Catch::Contains("dimensions") && Catch::Contains("24"));
  CHECK_THROWS_AS(embedder.embed("x", {.dimensions = 0}), InvalidOptions);
  CHECK_THROWS_AS(embedder.embed("x", {.batch_size = 0}), InvalidOptions);
  CHECK_THROWS_AS(embedder.embed("x", {.batch_tokens = 0}), InvalidOptions);
  CHECK_THROWS_AS(parse_pooling("median"), InvalidOptions);
  CHECK(parse_pooling("lasttoken") == Pooling::lasttoken);
}

TEST_CASE("a manager refuses options and settings that do not fit", "[embedding]") {
  const auto folder = kData / "mean_normalize";
  CHECK_THROWS_WITH(manager(folder, {.dtype = DType::float16}),
                    Catch::Contains("dtype") && Catch::Contains("float16") && Catch::Contains("bfloat16"));
  CHECK_THROWS_AS(manager(folder, {.pool_size = 0}), InvalidOptions);
  CHECK_THROWS_AS(manager(folder, {.threads = 0}), InvalidOptions);
}

namespace {

double cosine(std::span<const float> a, std::span<const float> b) {
  double dot = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    dot += double{a[i]} * double{b[i]};
    aa += double{a[i]} * double{a[i]};
    bb += double{b[i]} * double{b[i]};
  }
  return dot / std::sqrt(aa * bb);
}

}  // namespace

TEST_CASE("lower precisions give nearly the vectors of float32", "[embedding]") {
  const auto dtype = GENERATE(DType::bfloat16, DType::int8);
  CAPTURE(to_string(dtype));
  const std::vector<std::string> texts{"a", "Thirty callers share one set of weights.", "", "Tokens and more tokens"};
  auto exact = manager(kData / "mean_normalize");
  auto lower = manager(kData / "mean_normalize", {.dtype = dtype});
  CHECK(lower.info().dtype == to_string(dtype));
  CHECK(lower.info().weight_bytes < exact.info().weight_bytes);
  const auto expected = exact.embed(texts);
  const auto found = lower.embed(texts);
  for (std::size_t i = 0; i < texts.size(); ++i) CHECK(cosine(found[i], expected[i]) > 0.999);
}

namespace {

const std::vector<std::string> kPassages{"A pool hands out its instances one lease at a time.",
                                         "Thirty telephone lines share four copies of a speech model.",
                                         "Bread dough rises faster in a warm kitchen.",
                                         "Knead the dough for ten minutes before you let it rest.",
                                         "The train to Hamburg leaves at nine from platform four.",
                                         "Because of works on the track, trains are half an hour late.",
                                         "Photosynthesis turns light, water and carbon dioxide into sugar.",
                                         "Leaves are green because chlorophyll reflects green light.",
                                         "The central bank raised its interest rate by a quarter point.",
                                         "Inflation slowed for the third month in a row.",
                                         "A violin has four strings, tuned in fifths.",
                                         "The orchestra rehearses the symphony on Thursday evening.",
                                         "Use a mutex to protect data that several threads change.",
                                         "Deadlock: two threads wait for each other for ever.",
                                         "The patient complains of headaches and a stiff neck.",
                                         "Vaccines teach the immune system to recognise a virus.",
                                         "Der Zug nach Hamburg fährt um neun Uhr ab.",
                                         "Le train pour Hambourg part à neuf heures.",
                                         "水は百度で沸騰する。",
                                         "Water boils at one hundred degrees Celsius at sea level.",
                                         "def add(a, b): return a + b  # adds two numbers",
                                         "SELECT name FROM users WHERE age > 30;",
                                         "🚀 The rocket reached orbit after eight minutes 🛰️",
                                         "The telescope photographed a galaxy two million light years away."};
const std::vector<std::string> kQuestions{"How do I share a model between many callers?",
                                          "How long should dough rest?",
                                          "When does the train leave?",
                                          "Why are plants green?",
                                          "What happens to prices?",
                                          "musical instruments",
                                          "How can threads block each other?",
                                          "At what temperature does water boil?",
                                          "a query that reads a database",
                                          "space travel"};
// Whatever a text can be: empty, of one letter, of other scripts, long, of signs only, not well formed.
const std::vector<std::string> kHardTexts{"",
                                          " ",
                                          "a",
                                          ".",
                                          "!?!?!?!?!?!?!?!?",
                                          "東京に行きました。",
                                          "안녕하세요 세계",
                                          "Привет, мир! Как дела?",
                                          "مرحبا بالعالم",
                                          "नमस्ते दुनिया",
                                          "Tiếng Việt có dấu",
                                          "👩‍👩‍👧‍👦🇩🇪🏽",
                                          "1234567890 3.14159 1e-9 0xFF",
                                          std::string("nul\0byte", 8),
                                          std::string(300, 'x'),
                                          std::string(500, '!'),
                                          "https://example.org/path?query=1&b=2#frag"};

// Indices of the passages, the best first.
std::vector<std::size_t> ranking(std::span<const float> question, const Embeddings& passages) {
  std::vector<std::size_t> order(passages.num_texts);
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::stable_sort(order, std::ranges::greater{}, [&](std::size_t i) { return cosine(question, passages[i]); });
  return order;
}

}  // namespace

TEST_CASE("the default precision finds the same passages in the same order as float32", "[embedding][minilm]") {
  const auto folder = minilm_folder();
  if (folder.empty()) SKIP("neither the environment nor the build's MODELPOOL_MINILM_DIR names the model's folder");
  auto exact = manager(folder);
  EmbeddingManager automatic{folder, {}, Settings{}};
  CAPTURE(automatic.info().dtype);
  const auto exact_passages = exact.embed(kPassages);
  const auto passages = automatic.embed(kPassages);
  for (const auto& question : kQuestions) {
    CAPTURE(question);
    const auto exact_question = exact.embed(question);
    const auto expected = ranking(exact_question, exact_passages);
    const auto found = ranking(automatic.embed(question), passages);
    // The first three are an answer; behind them stand passages that have nothing to do with the question, and may change
    // places with others whose scores differ in the third digit.
    for (std::size_t rank = 0; rank < 3; ++rank) CHECK(found[rank] == expected[rank]);
    for (std::size_t rank = 0; rank < found.size(); ++rank) {
      const auto score = [&](std::size_t passage) { return cosine(exact_question, exact_passages[passage]); };
      CHECK(score(found[rank]) == Approx(score(expected[rank])).margin(0.01));
    }
  }
}

TEST_CASE("lower precisions stay close to float32 for every text", "[embedding][minilm]") {
  const auto folder = minilm_folder();
  if (folder.empty()) SKIP("neither the environment nor the build's MODELPOOL_MINILM_DIR names the model's folder");
  const auto dtype = GENERATE(DType::automatic, DType::bfloat16, DType::int8);
  CAPTURE(to_string(dtype));
  std::vector<std::string> texts = kHardTexts;
  for (const auto& more : {kPassages, kQuestions, some_texts(60)}) texts.insert(texts.end(), more.begin(), more.end());
  const auto expected = manager(folder).embed(texts);
  EmbeddingManager lower{folder, {.dtype = dtype}, Settings{}};
  const auto found = lower.embed(texts);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    CAPTURE(texts[i]);
    CHECK(cosine(found[i], expected[i]) >= 0.995);
  }
}

TEST_CASE("the pool's size comes from the option, else from the settings, and says so", "[embedding]") {
  const auto folder = kData / "mean_normalize";
  Settings settings;
  settings.model_pool_max_instances = 3;
  EmbeddingManager by_setting{folder, {}, settings};
  CHECK(by_setting.pool_size() == 3);
  CHECK(by_setting.size_reason() == "setting");
  CHECK(by_setting.stats().max_size_reason == "setting");
  EmbeddingManager by_option{folder, {.pool_size = 5}, settings};
  CHECK(by_option.pool_size() == 5);
  CHECK(by_option.size_reason() == "option");
  settings.model_pool_enabled = false;
  EmbeddingManager disabled{folder, {.pool_size = 5}, settings};
  CHECK(disabled.pool_size() == 1);
  CHECK(disabled.size_reason() == "disabled");
  CHECK(disabled.embed("works all the same").size() == 24);
}

TEST_CASE("an automatic size is estimated, then measured, and says so", "[embedding]") {
  const auto folder = kData / "mean_normalize";
  Settings settings;
  settings.model_pool_max_instances = 3;
  settings.model_vram_estimates["embedding"] = std::uint64_t{1} << 60;
  EmbeddingManager embedder{folder, {}, settings};
  CHECK(embedder.pool_size() == 1);
  CHECK(embedder.size_reason() == "estimate");
  const auto expected = embedder.embed("the water");
  embedder.calibrate();
  CHECK(embedder.pool_size() >= 1);
  CHECK(embedder.pool_size() <= 3);
  const auto reason = embedder.size_reason();
  CHECK((reason == "throughput" || reason == "setting"));
  CHECK(embedder.stats().max_size == embedder.pool_size());
  CHECK(embedder.stats().max_size_reason == reason);
  CHECK(embedder.stats().idle == 1);
  CHECK(embedder.info().threads == embedder.acquire()->threads());
  CHECK(embedder.embed("the water") == expected);
  EmbeddingManager by_option{folder, {.pool_size = 5}, settings};
  by_option.calibrate();
  CHECK(by_option.size_reason() == "option");
  CHECK(by_option.stats().size == 0);
}

TEST_CASE("info says what a model is, what it ignored and what it assumed", "[embedding]") {
  auto plain = manager(kData / "no_modules");
  const auto info = plain.info();
  CHECK(info.architecture == "BertForMaskedLM");
  CHECK(info.model_type == "bert");
  CHECK(info.dtype == "float32");
  CHECK(info.device == "cpu");
  CHECK(info.pooling == "mean");
  CHECK(info.pooling_is_default);
  CHECK_FALSE(info.normalize);
  CHECK(info.weight_bytes >= info.parameters * 4);
  CHECK(std::ranges::any_of(info.ignored_tensors, [](const auto& name) { return name.starts_with("cls."); }));
  const auto json = Json::parse(info.to_json());
  CHECK(json["reason"] == "setting");
  CHECK(json["parameters"] == info.parameters);
  CHECK_FALSE(manager(kData / "mean_normalize").info().pooling_is_default);
}

TEST_CASE("instances report their state, and the weights they share", "[embedding]") {
  auto embedder = manager(kData / "mean_normalize", {.threads = 2});
  const auto lease = embedder.acquire();
  CHECK(lease->threads() == 2);
  CHECK(lease->weight_bytes() > 50'000);
  CHECK(lease->state_bytes() < 10'000);
  (void)embedder.embed(some_texts(100), *lease);
  CHECK(lease->state_bytes() > 10'000);
}

TEST_CASE("a wrong configuration value is told with its file and key", "[embedding]") {
  const Copy folder("mean_normalize");
  SECTION("a string for a number") {
    folder.change("config.json", "hidden_size", "big");
    CHECK_THAT(error_of(folder.path()),
               Catch::Contains("load_error") && Catch::Contains("config.json") && Catch::Contains("hidden_size"));
  }
  SECTION("heads that do not divide") {
    folder.change("config.json", "num_attention_heads", 5);
    CHECK_THAT(error_of(folder.path()), Catch::Contains("num_attention_heads") && Catch::Contains("24"));
  }
  SECTION("an activation that is not there") {
    folder.change("config.json", "hidden_act", "mish");
    CHECK_THAT(error_of(folder.path()),
               Catch::Contains("unsupported_model") && Catch::Contains("mish") && Catch::Contains("gelu_new"));
  }
  SECTION("another model type") {
    folder.change("config.json", "model_type", "bart");
    CHECK_THAT(error_of(folder.path()),
               Catch::Contains("unsupported_model") && Catch::Contains("bart") && Catch::Contains("bert"));
  }
  SECTION("a shape that the weights do not have") {
    folder.change("config.json", "intermediate_size", 41);
    CHECK_THAT(error_of(folder.path()),
               Catch::Contains("model.safetensors") && Catch::Contains("intermediate.dense") && Catch::Contains("41"));
  }
  SECTION("a layer that is not there") {
    folder.change("config.json", "num_hidden_layers", 3);
    CHECK_THAT(error_of(folder.path()), Catch::Contains("encoder.layer.2"));
  }
  SECTION("layers that nobody uses") {
    folder.change("config.json", "num_hidden_layers", 1);
    CHECK_THAT(error_of(folder.path()), Catch::Contains("encoder.layer.1"));
  }
  SECTION("positions that do not reach") {
    folder.change("sentence_bert_config.json", "max_seq_length", 65);
    CHECK_THAT(error_of(folder.path()), Catch::Contains("sentence_bert_config.json") &&
                                            Catch::Contains("max_seq_length") && Catch::Contains("64"));
  }
  SECTION("a pooling of another size") {
    folder.change("1_Pooling/config.json", "word_embedding_dimension", 25);
    CHECK_THAT(error_of(folder.path()), Catch::Contains("1_Pooling") && Catch::Contains("word_embedding_dimension"));
  }
  SECTION("a pooling that is not there") {
    folder.change("1_Pooling/config.json", "pooling_mode_median_tokens", true);
    CHECK_THAT(error_of(folder.path()),
               Catch::Contains("unsupported_model") && Catch::Contains("pooling_mode_median_tokens"));
  }
  SECTION("a module that is not there") {
    auto modules = read_json(folder.path() / "modules.json");
    modules[2]["type"] = "sentence_transformers.models.CNN";
    std::ofstream(folder.path() / "modules.json") << modules;
    CHECK_THAT(error_of(folder.path()),
               Catch::Contains("unsupported_model") && Catch::Contains("CNN") && Catch::Contains("Normalize"));
  }
  SECTION("a file that is not JSON") {
    std::ofstream(folder.path() / "config.json") << "{\"hidden_size\": 24,,}";
    CHECK_THAT(error_of(folder.path()), Catch::Contains("config.json") && Catch::Contains("is not JSON"));
  }
  SECTION("no configuration") {
    fs::remove(folder.path() / "config.json");
    CHECK_THAT(error_of(folder.path()), Catch::Contains("config.json"));
  }
  SECTION("no tokenizer") {
    fs::remove(folder.path() / "tokenizer.json");
    fs::remove(folder.path() / "vocab.txt");
    CHECK_THAT(error_of(folder.path()), Catch::Contains("tokenizer.json"));
  }
  SECTION("no weights") {
    fs::remove(folder.path() / "model.safetensors");
    CHECK_THAT(error_of(folder.path()), Catch::Contains("model.safetensors"));
  }
}

TEST_CASE("a folder that is not there, or is a file, is told as such", "[embedding]") {
  CHECK_THAT(error_of("/nowhere/at/all"), Catch::Contains("load_error") && Catch::Contains("no such folder"));
  CHECK_THAT(error_of(kData / "minilm.json"), Catch::Contains("is not a folder"));
}

TEST_CASE("thirty leases cost their reported state, not thirty times the weights", "[embedding][minilm]") {
  const auto folder = minilm_folder();
  if (folder.empty()) SKIP("neither the environment nor the build's MODELPOOL_MINILM_DIR names the model's folder");
  auto embedder = manager(folder, {.pool_size = 30, .threads = 1});
  const auto texts = some_texts(20);
  const auto pss = [] { return MemoryProbe().process().proportional_bytes.value_or(0); };
  std::vector<Lease<EmbeddingInstance>> leases;
  leases.push_back(embedder.acquire());
  (void)embedder.embed(texts, *leases.front());
  const auto one = pss();
  while (leases.size() < 30) {
    leases.push_back(embedder.acquire());
    (void)embedder.embed(texts, *leases.back());
  }
  std::uint64_t state = 0;
  for (const auto& lease : leases) state += lease->state_bytes();
  const auto weights = leases.front()->weight_bytes();
  const auto thirty = pss();
  if (thirty == 0) SKIP("this system does not tell the proportional set size");
  CHECK(thirty <= one + state + weights / 20);

  leases.clear();
  CHECK(embedder.shrink(0).bytes >= state + weights - weights / 20);
  CHECK(pss() + weights / 3 < one);
}

TEST_CASE("a call without a lease takes one for each batch, so that others can pass between them", "[embedding]") {
  auto embedder = manager(kData / "mean_normalize", {.pool_size = 1});
  (void)embedder.embed(some_texts(20), {.batch_size = 5});
  CHECK(embedder.stats().requests == 4);
}

TEST_CASE("little work is divided between the instances, much into batches of the given size", "[embedding]") {
  auto embedder = manager(kData / "no_modules", {.pool_size = 4, .threads = 1});
  (void)embedder.embed(some_texts(100), {.batch_tokens = 1'000'000});
  const auto stats = embedder.stats();
  CHECK(stats.requests >= 4);
  CHECK(stats.leased == 0);
}
