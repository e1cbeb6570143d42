// SPDX-License-Identifier: Apache-2.0
// `modelpool tokenize` as a process, and with it the conventions that all commands share: `tokenize` needs no LibTorch.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
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

std::vector<std::string> tokenize(std::vector<std::string> more) {
  more.insert(more.begin(), {"tokenize", "--model", kModel});
  return more;
}

std::vector<Json> rows_of(const std::string& out) {
  std::vector<Json> rows;
  for (const auto& line : lines_of(out)) rows.push_back(Json::parse(line));
  return rows;
}

/// The command could not run: 2, nothing on standard output, one line on standard error.
void check_refused(const ProcessResult& r, const std::string& part) {
  INFO(r.err);
  CHECK(r.code == 2);
  CHECK(r.out.empty());
  CHECK(std::count(r.err.begin(), r.err.end(), '\n') == 1);
  CHECK(r.err.starts_with("modelpool: "));
  CHECK(r.err.find(part) != std::string::npos);
}

}  // namespace

TEST_CASE("tokenize gives the ids that transformers gives", "[cli][tokenize]") {
  const auto expected = Json::parse(std::ifstream(data("expected.json")));
  auto arguments = tokenize({"--json", "--"});
  for (const auto& row : expected) arguments.push_back(row["text"]);
  const auto r = run(arguments);
  REQUIRE(r.code == 0);
  const auto rows = rows_of(r.out);
  REQUIRE(rows.size() == expected.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CHECK(rows[i]["index"] == i);
    CHECK(rows[i]["ids"] == expected[i]["ids"]);
    CHECK(rows[i]["tokens"].size() == rows[i]["ids"].size());
    CHECK(rows[i]["offsets"].size() == rows[i]["ids"].size());
  }
  CHECK(rows[1].size() == 4);
  CHECK(r.err.empty());
}

TEST_CASE("tokenize prints the contract's fields, offsets in code points", "[cli][tokenize]") {
  const auto r = run(tokenize({"--json", "the caf\u00e9 cat"}));
  const auto row = rows_of(r.out).at(0);
  CHECK(row["tokens"].front() == "[CLS]");
  CHECK(row["tokens"].back() == "[SEP]");
  CHECK(row["offsets"].front() == Json{0, 0});
  CHECK(row["offsets"][row["offsets"].size() - 2] == Json{9, 12});
}

TEST_CASE("special tokens, pairs and lengths follow their options", "[cli][tokenize]") {
  CHECK(run(tokenize({"the cat"})).out.starts_with("[CLS]("));
  CHECK(run(tokenize({"--no-special-tokens", "the cat"})).out.starts_with("the("));
  const auto pair = rows_of(run(tokenize({"--json", "--pair", "the dog", "the cat"})).out).at(0);
  CHECK(pair["tokens"] == Json{"[CLS]", "the", "cat", "[SEP]", "the", "dog", "[SEP]"});
  const auto cut = rows_of(run(tokenize({"--json", "--max-length", "3", "the cat sits"})).out).at(0);
  CHECK(cut["tokens"] == Json{"[CLS]", "the", "[SEP]"});
}

TEST_CASE("decoding gives the text back", "[cli][tokenize]") {
  const auto ids = rows_of(run(tokenize({"--json", "the cat sits"})).out).at(0)["ids"].dump();
  CHECK(run(tokenize({"--decode", ids})).out == "[CLS] the cat sits [SEP]\n");
  CHECK(run(tokenize({"--decode", "--no-special-tokens", ids})).out == "the cat sits\n");
  const auto r = run(tokenize({"--decode", "--json", "--input", "-"}), {.input = ids + "\n[999999]\n[]\n"});
  CHECK(r.code == 1);
  const auto rows = rows_of(r.out);
  REQUIRE(rows.size() == 3);
  CHECK(rows[0] == Json{{"index", 0}, {"text", "[CLS] the cat sits [SEP]"}});
  CHECK(rows[1]["error"]["code"] == "invalid_input");
  CHECK(rows[2]["text"] == "");
}

TEST_CASE("a line of input ends at LF only, an empty one is an empty input", "[cli][conventions]") {
  const auto r = run(tokenize({"--json", "--input", "-"}), {.input = "the\r\n\ncat\u2028dog\nlast"});
  CHECK(r.code == 0);
  const auto rows = rows_of(r.out);
  REQUIRE(rows.size() == 4);
  CHECK(rows[0]["tokens"] == Json{"[CLS]", "the", "[SEP]"});
  CHECK(rows[1]["tokens"] == Json{"[CLS]", "[SEP]"});
  CHECK(rows[3]["index"] == 3);
}

TEST_CASE("no input lines are no results and no failure", "[cli][conventions]") {
  const auto r = run(tokenize({"--input", "-"}));
  CHECK(r.code == 0);
  CHECK(r.out.empty());
  CHECK(r.err.empty());
}

TEST_CASE("one bad line in a batch fails alone, with its byte offset", "[cli][conventions]") {
  const auto input = "the\nab\xff\ncat\n"s;
  const auto json = run(tokenize({"--json", "--input", "-"}), {.input = input});
  CHECK(json.code == 1);
  CHECK(json.err.empty());
  const auto rows = rows_of(json.out);
  REQUIRE(rows.size() == 3);
  CHECK(rows[1]["index"] == 1);
  CHECK(rows[1]["error"]["code"] == "invalid_input");
  CHECK(rows[1]["error"]["message"].get<std::string>().find("byte 2") != std::string::npos);
  CHECK(rows[2]["index"] == 2);
  const auto people = run(tokenize({"--input", "-"}), {.input = input});
  CHECK(people.code == 1);
  CHECK(lines_of(people.out).size() == 2);
  CHECK(people.err.starts_with("modelpool: input 1: "));
}

TEST_CASE("a NUL byte is a character like others", "[cli][conventions]") {
  const auto r = run(tokenize({"--json", "--input", "-"}), {.input = "the\0 cat\n"s});
  CHECK(r.code == 0);
  CHECK(rows_of(r.out).at(0)["tokens"] == Json{"[CLS]", "the", "cat", "[SEP]"});
}

TEST_CASE("rows of JSON Lines carry their own options and contain newlines", "[cli][conventions]") {
  const auto r = run(tokenize({"--json", "--input", "-", "--input-format", "jsonl"}),
                     {.input = R"("the\ncat")"
                               "\n"
                               R"({"text":"the cat","max_length":3})"
                               "\n"
                               R"({"text":"the","pair":"cat","special_tokens":false})"
                               "\nnonsense\n"});
  CHECK(r.code == 1);
  const auto rows = rows_of(r.out);
  REQUIRE(rows.size() == 4);
  CHECK(rows[0]["tokens"] == Json{"[CLS]", "the", "cat", "[SEP]"});
  CHECK(rows[1]["tokens"] == Json{"[CLS]", "the", "[SEP]"});
  CHECK(rows[2]["tokens"] == Json{"the", "cat"});
  CHECK(rows[3]["error"]["code"] == "invalid_input");
}

TEST_CASE("ten megabytes in one line are one input", "[cli][conventions]") {
  TemporaryFolder folder;
  std::string text;
  while (text.size() < 10'000'000) text += "the cat sits on the mat and waits ";
  const auto r = run(tokenize({"--json", "--input", folder.write("big", text).string(), "--no-special-tokens"}));
  REQUIRE(r.code == 0);
  CHECK(rows_of(r.out).at(0)["ids"].size() == (text.size() + 33) / 34 * 8);
}

TEST_CASE("results come in input order, whatever they cost", "[cli][conventions]") {
  std::string input;
  for (int i = 0; i < 9000; ++i) input += i % 1000 == 0 ? std::string(20'000, 'a') + "\n" : "the\n";
  const auto r = run(tokenize({"--json", "--threads", "4", "--input", "-"}), {.input = input});
  REQUIRE(r.code == 0);
  const auto lines = lines_of(r.out);
  REQUIRE(lines.size() == 9000);
  int wrong = 0;
  for (std::size_t i = 0; i < lines.size(); ++i)
    wrong += lines[i].starts_with("{\"index\":" + std::to_string(i) + ",") ? 0 : 1;
  CHECK(wrong == 0);
}

TEST_CASE("memory does not grow with the input", "[cli][conventions]") {
  TemporaryFolder folder;
  std::string text;
  while (text.size() < 20'000'000) text += "the cat sits on the mat and waits for the next free instance\n";
  const auto r =
      run(tokenize({"--json", "--input", folder.write("many", text).string()}), {.output_file = "/dev/null"});
  CHECK(r.code == 0);
  CHECK(r.peak_kib < 100'000);  // the results are 200 MB
}

TEST_CASE("a line that is there is answered before the next one is written", "[cli][conventions]") {
  Process process(tokenize({"--input", "-"}), {.input = "the\n", .input_stays_open = true});
  CHECK(process.wait_for_lines(1));
  process.write("cat\ndo");
  CHECK(process.wait_for_lines(2));
  process.write("g");
  process.close_input();
  const auto r = process.wait();
  CHECK(r.code == 0);
  CHECK(lines_of(r.out).size() == 3);
}

TEST_CASE("Ctrl-C while waiting for input ends with 130 and keeps what was printed", "[cli][conventions]") {
  Process process(tokenize({"--input", "-"}), {.input = "the\n", .input_stays_open = true});
  REQUIRE(process.wait_for_lines(1));
  process.interrupt();
  const auto r = process.wait();
  CHECK(r.code == 130);
  CHECK(lines_of(r.out).size() == 1);
}

TEST_CASE("Ctrl-C in the middle of work prints what is finished", "[cli][conventions]") {
  TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 400'000; ++i) text += "the cat sits on the mat\n";
  Process process(tokenize({"--json", "--input", folder.write("many", text).string()}));
  REQUIRE(process.wait_for_lines(1));
  process.interrupt();
  const auto r = process.wait();
  CHECK(r.code == 130);
  const auto lines = lines_of(r.out);
  CHECK(lines.size() < 400'000);
  CHECK(r.out.ends_with("}\n"));
  CHECK(Json::parse(lines.back())["ids"].size() == 8);
}

TEST_CASE("SIGINT that is ignored from the start stays ignored", "[cli][conventions]") {
  Process process(tokenize({"--input", "-"}), {.input = "the\n", .input_stays_open = true, .ignore_sigint = true});
  REQUIRE(process.wait_for_lines(1));
  process.interrupt();
  process.write("cat\n");
  CHECK(process.wait_for_lines(2));
  process.close_input();
  CHECK(process.wait().code == 0);
}

TEST_CASE("a result that cannot be written is never a success", "[cli][conventions]") {
  if (fs::exists("/dev/full")) {
    check_refused(run(tokenize({"the"}), {.output_file = "/dev/full"}), "standard output: No space left on device");
    check_refused(run({"--version"}, {.output_file = "/dev/full"}), "standard output: No space left on device");
    check_refused(run({"tokenize", "--help"}, {.output_file = "/dev/full"}), "No space left on device");
  }
  check_refused(run(tokenize({"the"}), {.output_closed = true}), "cannot write results to standard output");
  check_refused(run(tokenize({"the"}), {.output_unread = true}), "standard output: Broken pipe");
}

TEST_CASE("a full disk is told even where earlier results fitted", "[cli][conventions]") {
  if (!fs::exists("/dev/full")) SKIP("there is no /dev/full");
  std::string input;
  for (int i = 0; i < 5000; ++i) input += "the cat\n";
  check_refused(run(tokenize({"--input", "-"}), {.input = input, .output_file = "/dev/full"}), "No space left");
}

TEST_CASE("an input file that cannot be read ends the command", "[cli][conventions]") {
  TemporaryFolder folder;
  check_refused(run(tokenize({"--input", folder.path().string()})), "is a directory");
  check_refused(run(tokenize({"--input", (folder.path() / "absent").string()})), "No such file or directory");
  const auto secret = folder.write("secret", "text").string();
  ::chmod(secret.c_str(), 0);
  if (::geteuid() == 0) SKIP("root may read every file");
  check_refused(run(tokenize({"--input", secret})), "Permission denied");
}

TEST_CASE("a folder that is no model is refused by name", "[cli][conventions]") {
  TemporaryFolder folder;
  check_refused(run({"tokenize", "--model", "/no/such/folder", "x"}), "/no/such/folder: there is no such folder");
  check_refused(run({"tokenize", "--model", folder.path().string(), "x"}), folder.path().string());
  check_refused(run({"tokenize", "--model", folder.write("file", "").string(), "x"}), "this is a file");
  check_refused(
      run({"tokenize", "--model", "some/model", "x"}, {.variables = {{"HF_HUB_CACHE", folder.path().string()}}}),
      "models--some--model");
}

TEST_CASE("a model in the hub's cache is found by its name", "[cli][conventions]") {
  TemporaryFolder cache;
  cache.write("hub/models--some--model/refs/main", "abc123");
  fs::create_directories(cache.path() / "hub/models--some--model/snapshots");
  fs::create_directory_symlink(kModel, cache.path() / "hub/models--some--model/snapshots/abc123");
  const auto r = run({"tokenize", "--model", "some/model", "the"},
                     {.variables = {{"HF_HOME", cache.path().string()}, {"HF_HUB_CACHE", ""}}});
  CHECK(r.code == 0);
  CHECK(r.out.starts_with("[CLS]("));
}

TEST_CASE("a wrong command line is one line on standard error and 2", "[cli][conventions]") {
  check_refused(run({}), "no command");
  check_refused(run({"tokenise"}), "Did you mean tokenize?");
  check_refused(run({"translate", "--model", "m", "x"}), "the command translate is not in this version");
  check_refused(run(tokenize({"--jsn", "x"})), "Did you mean --json?");
  check_refused(run(tokenize({"--threads", "2x", "x"})), "--threads must be a whole number");
  check_refused(run(tokenize({"--threads", "99999999999999999999", "x"})), "--threads must be a whole number");
  check_refused(run(tokenize({"--timeout", "nan", "x"})), "--timeout must be a number of seconds");
  check_refused(run(tokenize({"--input", "f", "x"})), "not from both");
}

TEST_CASE("versions and help go to standard output", "[cli][conventions]") {
  const auto version = run({"--version"});
  CHECK(version.code == 0);
  const auto lines = lines_of(version.out);
  REQUIRE(lines.size() == 3);
  CHECK(lines[0].starts_with("modelpool "));
  CHECK(lines[1].starts_with("LibTorch "));
  CHECK(lines[2].starts_with("CUDA "));
  for (const auto* command : {"embed", "search", "tokenize", "info", "bench"}) {
    const auto help = run({command, "--help"});
    CHECK(help.code == 0);
    CHECK(help.out.starts_with("modelpool "s + command));
    CHECK(help.err.empty());
  }
}

TEST_CASE("progress is shown when asked for, on standard error only", "[cli][conventions]") {
  const auto r = run(tokenize({"--progress", "always", "the", "cat"}));
  CHECK(r.code == 0);
  CHECK(lines_of(r.out).size() == 2);
  CHECK(r.err.find("2 inputs") != std::string::npos);
  CHECK(run(tokenize({"the"})).err.empty());
}
