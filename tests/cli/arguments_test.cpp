// SPDX-License-Identifier: Apache-2.0
#include "cli/arguments.hpp"

#include "cli/numbers.hpp"
#include "cli/options.hpp"
#include "support/catch.hpp"

using namespace modelpool::cli;

namespace {

using Words = std::vector<std::string>;

Options parsed(Words words) { return parse_command_line(words).options; }

std::string refusal(Words words) {
  try {
    (void)parse_command_line(words);
  } catch (const UsageError& e) {
    return e.what();
  }
  return "(accepted)";
}

}  // namespace

TEST_CASE("options and inputs may be mixed, and values may be joined with =", "[cli][arguments]") {
  const auto o = parsed({"embed", "first", "--model", "m", "--json", "second", "--pool-size=3", "--threads", "2"});
  CHECK(o.common.inputs == Words{"first", "second"});
  CHECK(o.common.model == "m");
  CHECK(o.common.json);
  CHECK(o.common.pool_size == 3);
  CHECK(o.common.threads == 2);
}

TEST_CASE("inputs are taken as they are, whatever they look like", "[cli][arguments]") {
  const auto o =
      parsed({"embed", "--model", "m", "", "[CLS] a, b [SEP]", "{}", "-", "a=b", "--", "--json", "-1 degree", "--"});
  CHECK(o.common.inputs == Words{"", "[CLS] a, b [SEP]", "{}", "-", "a=b", "--json", "-1 degree", "--"});
  CHECK_FALSE(o.common.json);
}

TEST_CASE("an empty value is a value", "[cli][arguments]") {
  const auto o = parsed({"embed", "--model", "m", "--prompt=", "text"});
  CHECK(o.embed.prompt == "");
  CHECK(o.common.inputs == Words{"text"});
}

TEST_CASE("the files of --index end at the next option or at --", "[cli][arguments]") {
  const auto o = parsed({"search", "--model", "m", "--index", "docs", "README.md", "--", "question"});
  CHECK(o.search.index == Words{"docs", "README.md"});
  CHECK(o.common.inputs == Words{"question"});
  const auto twice = parsed({"search", "--index", "a", "--model", "m", "--index", "b", "--top-k", "7", "question"});
  CHECK(twice.search.index == Words{"a", "b"});
  CHECK(twice.search.top_k == 7);
}

TEST_CASE("all common options are read", "[cli][arguments]") {
  const auto o =
      parsed({"embed", "--model",        "m",     "--device",    "cuda:1", "--dtype", "bfloat16", "--batch-size",
              "8",     "--batch-tokens", "512",   "--timeout",   "0.5",    "--input", "-",        "--input-format",
              "jsonl", "--progress",     "never", "--log-level", "debug"});
  CHECK(o.common.device == "cuda:1");
  CHECK(o.common.dtype == "bfloat16");
  CHECK(o.common.batch_size == 8);
  CHECK(o.common.batch_tokens == 512);
  CHECK(o.common.timeout == std::chrono::milliseconds{500});
  CHECK(o.common.input == "-");
  CHECK(o.common.input_format == InputFormat::jsonl);
  CHECK(o.common.progress == ProgressMode::never);
  CHECK(o.common.log_level == LogLevel::debug);
}

TEST_CASE("an option that nobody knows is told with the nearest one", "[cli][arguments]") {
  CHECK(refusal({"embed", "--modle", "m", "x"}).find("unknown option --modle. Did you mean --model?") == 0);
  CHECK(refusal({"embed", "--model", "m", "-1 degree"}).find("put -- before inputs") != std::string::npos);
  CHECK(refusal({"embedd", "--model", "m"}).find("Did you mean embed?") != std::string::npos);
  CHECK(refusal({"--hlp"}).find("unknown option --hlp. Did you mean --help?") == 0);
}

TEST_CASE("a command of a later version is named as such, with those that there are", "[cli][arguments]") {
  const auto name = GENERATE("summarize", "translate", "transcribe", "run", "serve", "predict", "init", "list",
                             "register", "download", "alias", "monitor", "status", "cleanup");
  CHECK(refusal({name}) == "the command " + std::string{name} +
                               " is not in this version; there are: embed, search, classify, tokenize, info, bench");
}

TEST_CASE("a command line that contradicts itself is refused", "[cli][arguments]") {
  CHECK(refusal({}).find("no command") == 0);
  CHECK(refusal({"embed", "x"}).find("--model is missing") == 0);
  CHECK(refusal({"embed", "--model"}) == "--model needs a value: FOLDER|ORG/NAME");
  CHECK(refusal({"embed", "--model", "--json", "x"}).find("--model needs a value") == 0);
  CHECK(refusal({"embed", "--model", "a", "--model", "b", "x"}) == "--model is given twice");
  CHECK(refusal({"embed", "--model", "m", "--json=yes", "x"}).find("--json takes no value") == 0);
  CHECK(refusal({"embed", "--model", "m"}).find("no input") == 0);
  CHECK(refusal({"embed", "--model", "m", "--input", "f", "x"}).find("not from both") != std::string::npos);
  CHECK(refusal({"embed", "--model", "m", "--normalize", "--no-normalize", "x"}).find("cannot be given together") !=
        std::string::npos);
  CHECK(
      refusal({"embed", "--model", "m", "--prompt", "a", "--prompt-name", "b", "x"}).find("cannot be given together") !=
      std::string::npos);
  CHECK(refusal({"tokenize", "--model", "m", "--decode", "--pair", "b", "[1]"}).find("cannot be given together") !=
        std::string::npos);
  CHECK(refusal({"search", "--model", "m", "question"}).find("--index is missing") == 0);
  CHECK(refusal({"search", "--model", "m", "--index", "a", "question"}).find("no question") == 0);
  CHECK(refusal({"info", "--model", "m", "x"}) == "info takes no inputs");
  CHECK(refusal({"embed", "--top-k", "3"}).find("unknown option --top-k") == 0);
}

TEST_CASE("a value that an option cannot take is refused with those it can", "[cli][arguments]") {
  CHECK(refusal({"embed", "--dtype", "fp32"}) ==
        "--dtype must be one of auto, float32, bfloat16, float16, int8, not 'fp32'");
  CHECK(refusal({"embed", "--device", "gpu"}).find("--device must be auto, cpu, cuda or cuda:N") == 0);
  CHECK(refusal({"embed", "--device", "cuda:-1"}).find("--device must be") == 0);
  CHECK(refusal({"embed", "--pooling", "sum"}).find("--pooling must be one of auto, mean, cls, max, lasttoken") == 0);
  CHECK(refusal({"embed", "--input-format", "json"}).find("--input-format must be one of lines, jsonl") == 0);
  CHECK(refusal({"embed", "--pool-size", "0"}).find("(or auto)") != std::string::npos);
}

TEST_CASE("a number is a number from end to end", "[cli][numbers]") {
  const auto bad = GENERATE("", "0", "-1", "+3", " 3", "3 ", "3x", "0x10", "1e3", "3.5", "nan", "inf",
                            "18446744073709551616", "99999999999999999999999");
  CHECK_THROWS_AS(parse_count("--n", bad, 1, 1000), UsageError);
  CHECK(parse_count("--n", "1000", 1, 1000) == 1000);
  CHECK_THROWS_AS(parse_count("--n", "1001", 1, 1000), UsageError);
}

TEST_CASE("seconds are above 0 and finite", "[cli][numbers]") {
  const auto bad = GENERATE("", "0", "-1", "1s", "nan", "inf", "-inf", "1e400", "1e10", "0x1p3", "1,5");
  CHECK_THROWS_AS(parse_seconds("--timeout", bad), UsageError);
  CHECK(parse_seconds("--timeout", "1.5") == std::chrono::milliseconds{1500});
  CHECK(parse_seconds("--timeout", "1e-12") > std::chrono::nanoseconds{0});
}

TEST_CASE("help names every option of its command", "[cli][arguments]") {
  const auto text = parse_command_line(Words{"embed", "--nonsense", "--help"}).print.value();
  for (const auto* option :
       {"--model",     "--device",       "--dtype",  "--pool-size",    "--threads",    "--batch-size", "--batch-tokens",
        "--timeout",   "--json",         "--input",  "--input-format", "--progress",   "--log-level",  "--pooling",
        "--normalize", "--no-normalize", "--prompt", "--prompt-name",  "--dimensions", "--max-length"})
    CHECK(text.find(std::string{"  "} + option) != std::string::npos);
  CHECK(parse_command_line(Words{"--help"}).print.value().find("tokenize") != std::string::npos);
  CHECK(parse_command_line(Words{"--version"}).print.value().find("LibTorch") != std::string::npos);
}

TEST_CASE("help behind the end of the options is an input", "[cli][arguments]") {
  CHECK(parsed({"embed", "--model", "m", "--", "--help"}).common.inputs == Words{"--help"});
}
