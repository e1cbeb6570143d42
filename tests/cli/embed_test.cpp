// SPDX-License-Identifier: Apache-2.0
// `modelpool embed` as a process, on a model with random weights; what is expected comes from sentence-transformers.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "process.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace modelpool::test;
using namespace std::string_literals;
using Json = nlohmann::json;
namespace fs = std::filesystem;

namespace {

const std::string kModel = data("tiny_bert");

std::vector<std::string> embed(std::vector<std::string> more) {
  more.insert(more.begin(), {"embed", "--model", kModel, "--device", "cpu", "--dtype", "float32"});
  return more;
}

std::vector<Json> rows_of(const std::string& out) {
  std::vector<Json> rows;
  for (const auto& line : lines_of(out)) rows.push_back(Json::parse(line));
  return rows;
}

double cosine(const std::vector<double>& a, const std::vector<double>& b) {
  double ab = 0;
  double aa = 0;
  double bb = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    ab += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return ab / std::sqrt(aa * bb);
}

double norm(const std::vector<double>& v) {
  double sum = 0;
  for (const double x : v) sum += x * x;
  return std::sqrt(sum);
}

Json expected() { return Json::parse(std::ifstream(data("expected.json"))); }

void check_refused(const ProcessResult& r, const std::string& part) {
  INFO(r.err);
  CHECK(r.code == 2);
  CHECK(r.out.empty());
  CHECK(std::count(r.err.begin(), r.err.end(), '\n') == 1);
  CHECK(r.err.find(part) != std::string::npos);
}

/// A copy of the model that a test may damage.
fs::path copy_of_model(const TemporaryFolder& folder) {
  fs::copy(kModel, folder.path() / "model", fs::copy_options::recursive);
  return folder.path() / "model";
}

}  // namespace

TEST_CASE("embed gives the vectors that sentence-transformers gives", "[cli][embed]") {
  const auto pool = GENERATE("1", "3");
  auto arguments = embed({"--json", "--pool-size", pool, "--"});
  for (const auto& row : expected()) arguments.push_back(row["text"]);
  const auto r = run(arguments);
  INFO(r.err);
  REQUIRE(r.code == 0);
  CHECK(r.err.empty());
  const auto rows = rows_of(r.out);
  REQUIRE(rows.size() == expected().size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CHECK(rows[i].size() == 3);
    CHECK(rows[i]["index"] == i);
    CHECK(cosine(rows[i]["embedding"], expected()[i]["embedding"]) >= 0.99999);
    // Special tokens count, and a text that was cut counts what the model saw of it.
    CHECK(rows[i]["tokens"] == std::min<std::size_t>(expected()[i]["ids"].size(), 48));
  }
}

TEST_CASE("one bad line of embed fails alone", "[cli][embed]") {
  const auto r = run(embed({"--json", "--input", "-"}), {.input = "the\n\xff\n\ncat\n"s});
  CHECK(r.code == 1);
  const auto rows = rows_of(r.out);
  REQUIRE(rows.size() == 4);
  CHECK(rows[1]["error"]["code"] == "invalid_input");
  CHECK(rows[1]["error"]["message"].get<std::string>().find("byte 0") != std::string::npos);
  CHECK(rows[2]["tokens"] == 2);
  CHECK(rows[3]["index"] == 3);
}

TEST_CASE("rows with options of their own are embedded with them", "[cli][embed]") {
  const auto r = run(embed({"--json", "--input", "-", "--input-format", "jsonl"}),
                     {.input = R"({"text":"the cat","normalize":false,"pooling":"cls"})"
                               "\n\"the cat\"\n"
                               R"({"text":"the cat","dimensions":8})"
                               "\n"
                               R"({"text":"the cat","max_length":3})"
                               "\n"
                               R"({"text":"the cat","prompt_name":"query"})"
                               "\n"
                               R"({"text":"the cat","dimensions":33})"
                               "\n"
                               R"({"text":"the cat","prompt_name":"absent"})"
                               "\n"});
  INFO(r.err);
  CHECK(r.code == 1);
  const auto rows = rows_of(r.out);
  REQUIRE(rows.size() == 7);
  CHECK(norm(rows[1]["embedding"]) == Approx(1).margin(1e-5));
  CHECK(cosine(rows[0]["embedding"], rows[1]["embedding"]) < 0.999);
  CHECK(rows[2]["embedding"].size() == 8);
  CHECK(rows[2]["embedding"][7].get<double>() == Approx(rows[1]["embedding"][7].get<double>()).margin(1e-6));
  CHECK(rows[3]["tokens"] == 3);
  CHECK(rows[4]["tokens"].get<int>() > rows[1]["tokens"].get<int>());
  CHECK(rows[5]["error"]["code"] == "invalid_options");
  CHECK(rows[6]["error"]["code"] == "invalid_options");
}

TEST_CASE("the options of embed act on every text", "[cli][embed]") {
  const auto first = [](std::vector<std::string> options) {
    options.insert(options.end(), {"--json", "the cat"});
    const auto r = run(embed(options));
    INFO(r.err);
    REQUIRE(r.code == 0);
    return rows_of(r.out).at(0);
  };
  const auto plain = first({});
  CHECK(first({"--prompt", "question: "}) == first({"--prompt-name", "query"}));
  CHECK(first({"--prompt="}) == plain);
  CHECK(first({"--dimensions", "8"})["embedding"].size() == 8);
  CHECK(norm(first({"--dimensions", "8"})["embedding"]) < 0.99);
  CHECK(norm(first({"--dimensions", "8", "--normalize"})["embedding"]) == Approx(1).margin(1e-5));
  CHECK(std::abs(norm(first({"--no-normalize"})["embedding"]) - 1) > 1e-3);
  CHECK(first({"--pooling", "mean"}) == plain);
  CHECK(cosine(first({"--pooling", "max"})["embedding"], plain["embedding"]) < 0.999);
  CHECK(first({"--max-length", "3"})["tokens"] == 3);
  CHECK(cosine(first({"--batch-size", "1", "--batch-tokens", "8"})["embedding"], plain["embedding"]) > 0.999999);
}

TEST_CASE("a text of ten megabytes, a NUL byte and an empty text are inputs", "[cli][embed]") {
  TemporaryFolder folder;
  std::string text = "the\0 cat\n\n"s;
  while (text.size() < 10'000'000) text += "the cat sits on the mat ";
  const auto r = run(embed({"--json", "--input", folder.write("big", text).string()}));
  INFO(r.err);
  REQUIRE(r.code == 0);
  const auto rows = rows_of(r.out);
  REQUIRE(rows.size() == 3);
  CHECK(rows[0]["tokens"] == 4);
  CHECK(rows[1]["tokens"] == 2);
  CHECK(rows[2]["tokens"] == 48);
}

TEST_CASE("embeddings come in input order", "[cli][embed]") {
  std::string input;
  for (int i = 0; i < 6000; ++i) input += std::string(static_cast<std::size_t>(i % 37 * 5), 'a') + " the\n";
  const auto r = run(embed({"--json", "--pool-size", "3", "--threads", "1", "--input", "-"}), {.input = input});
  INFO(r.err);
  REQUIRE(r.code == 0);
  const auto lines = lines_of(r.out);
  REQUIRE(lines.size() == 6000);
  int wrong = 0;
  for (std::size_t i = 0; i < lines.size(); ++i)
    wrong += lines[i].starts_with("{\"index\":" + std::to_string(i) + ",") ? 0 : 1;
  CHECK(wrong == 0);
}

TEST_CASE("a text that is there is embedded before the next one is written", "[cli][embed]") {
  Process process(embed({"--json", "--input", "-"}), {.input = "the\n", .input_stays_open = true});
  CHECK(process.wait_for_lines(1));
  process.write("cat\n");
  CHECK(process.wait_for_lines(2));
  process.close_input();
  CHECK(process.wait().code == 0);
}

TEST_CASE("Ctrl-C stops embedding at the next batch and prints what is finished", "[cli][embed]") {
  TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 400'000; ++i) text += "the cat sits on the mat and waits for the next free instance\n";
  Process process(embed({"--json", "--input", folder.write("many", text).string()}));
  REQUIRE(process.wait_for_lines(1));
  process.interrupt();
  const auto r = process.wait();
  CHECK(r.code == 130);
  CHECK(r.err.empty());
  const auto lines = lines_of(r.out);
  CHECK(lines.size() < 400'000);
  CHECK(r.out.ends_with("}\n"));
  int errors = 0;
  for (const auto& line : lines) errors += line.find("\"error\"") == std::string::npos ? 0 : 1;
  CHECK(errors == 0);
}

TEST_CASE("a second Ctrl-C ends at once", "[cli][embed]") {
  Process process(embed({"--json", "--input", "-"}), {.input = "the\n", .input_stays_open = true});
  REQUIRE(process.wait_for_lines(1));
  process.interrupt();
  process.interrupt();
  CHECK(process.wait().code == 130);
}

TEST_CASE("embeddings that cannot be written are never a success", "[cli][embed]") {
  if (fs::exists("/dev/full"))
    check_refused(run(embed({"--json", "the"}), {.output_file = "/dev/full"}), "No space left on device");
  check_refused(run(embed({"--json", "the"}), {.output_unread = true}), "Broken pipe");
  check_refused(run(embed({"--json", "the"}), {.output_closed = true}), "cannot write results");
}

TEST_CASE("options that the model cannot fulfil end the command", "[cli][embed]") {
  check_refused(run(embed({"--dimensions", "33", "x"})), "dimensions");
  check_refused(run(embed({"--prompt-name", "querry", "x"})), "query");
  check_refused(run({"embed", "--model", kModel, "--dtype", "float16", "x"}), "float16");
  check_refused(run({"embed", "--model", kModel, "--device", "cuda:99", "x"}), "cuda:99");
}

TEST_CASE("settings of the environment hold where no flag is given, and bad ones end the command", "[cli][embed]") {
  check_refused(run(embed({"x"}), {.variables = {{"MODELPOOL_MAX_INSTANCES", "none"}}}), "MODELPOOL_MAX_INSTANCES");
  check_refused(run(embed({"x"}), {.variables = {{"MODELPOOL_SETTINGS", "/no/such/file.json"}}}), "/no/such/file.json");
  const auto info = run({"info", "--model", kModel, "--json"}, {.variables = {{"MODEL_POOL_MAX_INSTANCES", "3"}}});
  INFO(info.err);
  REQUIRE(info.code == 0);
  CHECK(rows_of(info.out).at(0)["pool_size"] == 3);
  CHECK(rows_of(info.out).at(0)["reason"] == "setting");
}

TEST_CASE("a damaged model folder ends the command with the file that is wrong", "[cli][embed]") {
  TemporaryFolder folder;
  const auto model = copy_of_model(folder);
  const auto refused = [&](const std::string& part) {
    check_refused(run({"embed", "--model", model.string(), "x"}), part);
  };
  SECTION("no config.json") {
    fs::remove(model / "config.json");
    refused("config.json");
  }
  SECTION("no tokenizer") {
    fs::remove(model / "tokenizer.json");
    refused("tokenizer.json");
  }
  SECTION("no weights") {
    fs::remove(model / "model.safetensors");
    refused("model.safetensors");
  }
  SECTION("truncated weights") {
    fs::resize_file(model / "model.safetensors", 50'000);
    refused("model.safetensors");
  }
  SECTION("a model of another kind") {
    folder.write("model/config.json", R"({"model_type":"gpt2","architectures":["GPT2Model"]})");
    refused("gpt2");
  }
  SECTION("broken JSON") {
    folder.write("model/config.json", "{");
    refused("config.json");
  }
  SECTION("a pointer instead of the weights") {
    folder.write("model/model.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n");
    refused("git lfs pull");
  }
}

TEST_CASE("a request that takes longer than --timeout fails alone", "[cli][embed]") {
  const auto r = run(embed({"--json", "--timeout", "0.000000001", "the", "cat"}));
  INFO(r.err);
  CHECK(r.code == 1);
  const auto rows = rows_of(r.out);
  REQUIRE(rows.size() == 2);
  for (const auto& row : rows) {
    const auto code = row["error"]["code"].get<std::string>();
    CHECK((code == "acquire_timeout" || code == "deadline_exceeded"));
  }
  CHECK(run(embed({"--json", "--timeout", "100", "the"})).code == 0);
}

TEST_CASE("what was loaded is told on standard error when asked for", "[cli][embed]") {
  const auto r = run(embed({"--json", "--log-level", "info", "--pool-size", "3", "the cat"}));
  CHECK(r.code == 0);
  CHECK(r.err.starts_with("modelpool: loaded " + kModel));
  CHECK(r.err.find("pool of 3 (from: option)") != std::string::npos);
  CHECK(lines_of(r.err).size() == 1);
}

TEST_CASE("people see the beginning of a vector", "[cli][embed]") {
  const auto r = run(embed({"the cat"}));
  CHECK(r.code == 0);
  CHECK(r.out.starts_with("0: 4 tokens, 32 numbers: "));
  CHECK(lines_of(r.out).size() == 1);
}

TEST_CASE("info says what the model is and how it would run", "[cli][info]") {
  const auto r = run({"info", "--model", kModel, "--json", "--pool-size", "3", "--threads", "2", "--device", "cpu",
                      "--dtype", "float32"});
  INFO(r.err);
  REQUIRE(r.code == 0);
  const auto rows = rows_of(r.out);
  REQUIRE(rows.size() == 1);
  const auto& info = rows[0];
  CHECK(info["architecture"] == "BertModel");
  CHECK(info["parameters"].get<int>() > 20'000);
  CHECK(info["weight_bytes"].get<int>() >= info["parameters"].get<int>() * 2);
  CHECK(info["dtype"] == "float32");
  CHECK(info["device"] == "cpu");
  CHECK(info["pool_size"] == 3);
  CHECK(info["reason"] == "option");
  CHECK(info["threads"] == 2);
  CHECK(info["dimension"] == 32);
  CHECK(info["max_length"] == 48);
  const auto people = run({"info", "--model", kModel});
  CHECK(people.code == 0);
  CHECK(people.out.find("BertModel") != std::string::npos);
}

TEST_CASE("bench prints the contract's fields", "[cli][bench]") {
  const auto r = run({"bench", "--model", kModel, "--callers", "3", "--seconds", "0.3", "--pool-size", "2", "--threads",
                      "1", "--json", "the cat", "the mat", "--dtype", "float32"});
  INFO(r.err);
  REQUIRE(r.code == 0);
  const auto rows = rows_of(r.out);
  REQUIRE(rows.size() == 1);
  const auto& b = rows[0];
  std::vector<std::string> names;
  for (const auto& [name, value] : b.items()) names.push_back(name);
  CHECK(names == std::vector<std::string>{"callers", "dtype", "latency_ms", "peak_rss_bytes", "pool_size",
                                          "requests_per_second", "threads", "tokens_per_second", "wait_ms",
                                          "weight_bytes"});
  CHECK(b["requests_per_second"].get<double>() > 1);
  CHECK(b["tokens_per_second"].get<double>() == Approx(4 * b["requests_per_second"].get<double>()).epsilon(0.01));
  for (const auto* times : {"latency_ms", "wait_ms"}) {
    CHECK(b[times].size() == 3);
    CHECK(b[times]["p50"].get<double>() <= b[times]["p90"].get<double>());
    CHECK(b[times]["p90"].get<double>() <= b[times]["p99"].get<double>());
  }
  CHECK(b["latency_ms"]["p50"].get<double>() > 0);
  CHECK(b["callers"] == 3);
  CHECK(b["pool_size"] == 2);
  CHECK(b["threads"] == 1);
  CHECK(b["dtype"] == "float32");
  CHECK(b["peak_rss_bytes"].get<std::uint64_t>() > 1'000'000);
}

TEST_CASE("bench refuses inputs that it could not embed", "[cli][bench]") {
  check_refused(run({"bench", "--model", kModel, "--input", "-"}), "there is no input in it");
  check_refused(run({"bench", "--model", kModel, "--input", "-"}, {.input = "\xff\n"}),
                "input 0: invalid UTF-8 at byte 0");
  check_refused(run({"bench", "--model", kModel, "--callers", "0"}), "--callers must be");
  check_refused(run({"bench", "--model", kModel, "--seconds", "inf"}), "--seconds must be");
}
