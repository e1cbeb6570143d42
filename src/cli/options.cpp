// SPDX-License-Identifier: Apache-2.0
#include "cli/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "base/nearest.hpp"
#include "cli/arguments.hpp"
#include "cli/numbers.hpp"
#include "modelpool/device/device.hpp"
#include "modelpool/error.hpp"
#include "modelpool/version.hpp"

namespace modelpool::cli {
namespace {

using Takes = OptionSpec::Takes;

constexpr std::uint64_t kMostInstances = 65'535;  // as PoolOptions::max_size
constexpr std::uint64_t kMostThreads = 4'096;
constexpr std::uint64_t kMostCount = std::numeric_limits<std::int32_t>::max();

struct CommandInfo {
  Command command;
  std::string_view name;
  std::string_view summary;
  std::string_view inputs;
};

constexpr std::array<CommandInfo, 6> kCommands{{
    {Command::embed, "embed", "turn texts into vectors", "[TEXT...]"},
    {Command::search, "search", "find the passages of your files that mean what a question asks", "[--] QUESTION..."},
    {Command::classify, "classify", "label texts, or the names in them", "[TEXT...]"},
    {Command::tokenize, "tokenize", "turn texts into token ids, and back", "[TEXT...]"},
    {Command::info, "info", "say what a model is and how it would run here", ""},
    {Command::bench, "bench", "measure throughput and latency with many callers", "[TEXT...]"},
}};

// Of the same program, but not there yet: named, so that nobody looks for a typing error.
constexpr std::array<std::string_view, 13> kLaterCommands{
    "summarize", "translate", "transcribe", "run",   "serve",   "predict", "init",
    "list",      "register",  "download",   "alias", "monitor", "status"};

std::string command_names() {
  std::string names;
  for (const auto& c : kCommands) names += (names.empty() ? "" : ", ") + std::string{c.name};
  return names;
}

template <class Value>
struct Choice {
  std::string_view name;
  Value value;
};

template <class Value, std::size_t n>
Value choose(std::string_view option, std::string_view text, const std::array<Choice<Value>, n>& choices) {
  std::string names;
  for (const auto& choice : choices) {
    if (choice.name == text) return choice.value;
    names += (names.empty() ? "" : ", ") + std::string{choice.name};
  }
  throw UsageError(fmt::format("{} must be one of {}, not '{}'", option, names, text));
}

OptionSpec text_option(std::string name, std::string value, std::string help, std::optional<std::string>& target) {
  return {name, std::move(value), std::move(help), Takes::one_value, [&target](auto v) { target = v; }, {}};
}

OptionSpec text_option(std::string name, std::string value, std::string help, std::string& target) {
  return {name, std::move(value), std::move(help), Takes::one_value, [&target](auto v) { target = v; }, {}};
}

template <class Target>
OptionSpec count_option(std::string name, std::string help, std::uint64_t most, Target& target) {
  const auto set = [&target, name, most](std::string_view v) {
    target = static_cast<typename std::conditional_t<std::is_same_v<Target, std::optional<int>>, int, std::size_t>>(
        parse_count(name, v, 1, most));
  };
  return {name, "N", std::move(help), Takes::one_value, set, {}};
}

template <class Target>
OptionSpec flag(std::string name, std::string help, Target& target, bool value) {
  return {std::move(name), "", std::move(help), Takes::nothing, [&target, value](auto) { target = value; }, {}};
}

/// --name and --no-name, which exclude each other.
template <class Target>
void add_switch(OptionGroup& group, const std::string& name, const std::string& help, Target& target) {
  auto on = flag("--" + name, help, target, true);
  auto off = flag("--no-" + name, "the opposite", target, false);
  on.conflicts = {off.name};
  group.options.push_back(std::move(on));
  group.options.push_back(std::move(off));
}

OptionSpec pool_size_option(CommonOptions& o) {
  const auto set = [&o](std::string_view v) {
    if (v == "auto") return;
    try {
      o.pool_size = parse_count("--pool-size", v, 1, kMostInstances);
    } catch (const UsageError& e) {
      throw UsageError(std::string{e.what()} + " (or auto)");
    }
  };
  return {"--pool-size",    "N|auto", "instances (auto: model_pool_max_instances of the settings)",
          Takes::one_value, set,      {}};
}

OptionSpec device_option(CommonOptions& o) {
  const auto set = [&o](std::string_view v) {
    try {
      o.device = to_string(Device::parse(v));
    } catch (const InvalidOptions& e) {
      throw UsageError(fmt::format("--device must be {}, not '{}'", e.bound, v));
    }
  };
  return {"--device", "DEVICE", "auto, cpu, cuda or cuda:N (default auto)", Takes::one_value, set, {}};
}

OptionSpec dtype_option(CommonOptions& o) {
  constexpr std::array<Choice<std::string_view>, 5> kTypes{
      {{"auto", "auto"}, {"float32", "float32"}, {"bfloat16", "bfloat16"}, {"float16", "float16"}, {"int8", "int8"}}};
  return {"--dtype",
          "DTYPE",
          "auto, float32, bfloat16, float16 or int8 (default auto)",
          Takes::one_value,
          [&o, kTypes](auto v) { o.dtype = choose("--dtype", v, kTypes); },
          {}};
}

OptionGroup model_options(CommonOptions& o) {
  OptionGroup group{"Model", {}};
  group.options = {
      text_option("--model", "FOLDER|ORG/NAME", "a Hugging Face model folder, or a name in the local hub cache",
                  o.model),
      device_option(o),
      dtype_option(o),
      pool_size_option(o),
      count_option("--threads", "threads of each instance (default: cores / pool size)", kMostThreads, o.threads),
      count_option("--batch-size", "most inputs in one forward", kMostCount, o.batch_size),
      count_option("--batch-tokens", "most tokens in one forward", kMostCount, o.batch_tokens),
      {"--timeout",
       "SECONDS",
       "what one request may take, from queueing to result (default: no limit)",
       Takes::one_value,
       [&o](auto v) { o.timeout = parse_seconds("--timeout", v); },
       {}},
  };
  return group;
}

OptionSpec input_format_option(CommonOptions& o) {
  constexpr std::array<Choice<InputFormat>, 2> kFormats{{{"lines", InputFormat::lines}, {"jsonl", InputFormat::jsonl}}};
  return {"--input-format",
          "lines|jsonl",
          "one text per line, or one JSON value (default lines)",
          Takes::one_value,
          [&o, kFormats](auto v) { o.input_format = choose("--input-format", v, kFormats); },
          {}};
}

OptionSpec progress_option(CommonOptions& o) {
  constexpr std::array<Choice<ProgressMode>, 3> kModes{
      {{"auto", ProgressMode::automatic}, {"always", ProgressMode::always}, {"never", ProgressMode::never}}};
  return {"--progress",
          "WHEN",
          "auto, always or never (default auto: on a terminal, when it takes long)",
          Takes::one_value,
          [&o, kModes](auto v) { o.progress = choose("--progress", v, kModes); },
          {}};
}

OptionSpec log_level_option(CommonOptions& o) {
  constexpr std::array<Choice<LogLevel>, 5> kLevels{{{"debug", LogLevel::debug},
                                                     {"info", LogLevel::info},
                                                     {"warn", LogLevel::warn},
                                                     {"error", LogLevel::error},
                                                     {"off", LogLevel::off}}};
  return {"--log-level",
          "LEVEL",
          "debug, info, warn, error or off (default warn)",
          Takes::one_value,
          [&o, kLevels](auto v) { o.log_level = choose("--log-level", v, kLevels); },
          {}};
}

OptionGroup input_options(CommonOptions& o) {
  return {"Input and output",
          {flag("--json", "JSON Lines: one object per input, in input order", o.json, true),
           text_option("--input", "FILE|-", "read the inputs from a file, or from standard input", o.input),
           input_format_option(o), progress_option(o), log_level_option(o)}};
}

OptionGroup embed_options(EmbedFlags& o) {
  OptionGroup group{"Embedding", {}};
  group.options.push_back({"--pooling",
                           "KIND",
                           "auto, mean, cls, max or lasttoken (default auto: as the folder says)",
                           Takes::one_value,
                           [&o](auto v) { o.pooling = parse_pooling_name("--pooling", v); },
                           {}});
  add_switch(group, "normalize", "vectors of unit length (default: as the folder says)", o.normalize);
  group.options.push_back(text_option("--prompt", "TEXT", "put before each text", o.prompt));
  group.options.back().conflicts = {"--prompt-name"};
  group.options.push_back(text_option("--prompt-name", "NAME", "one of the folder's own prompts", o.prompt_name));
  group.options.push_back(count_option("--dimensions", "keep only the first N numbers", kMostCount, o.dimensions));
  group.options.push_back(
      count_option("--max-length", "cut texts to N tokens, special ones included", kMostCount, o.max_length));
  return group;
}

OptionGroup search_options(SearchFlags& o) {
  return {"Search",
          {{"--index",
            "DIR|FILE...",
            "files to search, up to the next option or --; hidden and binary files are skipped",
            Takes::values,
            [&o](auto v) { o.index.emplace_back(v); },
            {}},
           count_option("--top-k", "passages to show for each question (default 5)", kMostCount, o.top_k),
           flag("--no-cache",
                "neither use nor keep embeddings in ~/.cache/modelpool/search, a folder that may be removed "
                "(XDG_CACHE_HOME moves it)",
                o.cache, false)}};
}

OptionSpec aggregation_option(ClassifyFlags& o) {
  return {"--aggregation",
          "none|simple",
          "join neighbouring tokens of one entity (default none)",
          Takes::one_value,
          [&o](auto v) { o.aggregation = parse_aggregation_name("--aggregation", v); },
          {}};
}

OptionGroup classify_options(ClassifyFlags& o) {
  return {"Classification",
          {aggregation_option(o),
           count_option("--max-length", "cut texts to N tokens, special ones included", kMostCount, o.max_length)}};
}

OptionGroup tokenize_options(TokenizeFlags& o) {
  OptionGroup group{"Tokenizing", {}};
  group.options.push_back(flag("--decode", "ids back to text: inputs are JSON arrays of ids", o.decode, true));
  group.options.back().conflicts = {"--pair", "--max-length"};
  add_switch(group, "special-tokens", "add the special tokens; with --decode: keep them (default)", o.special_tokens);
  group.options.push_back(text_option("--pair", "TEXT", "a second text for each input", o.pair));
  group.options.push_back(count_option("--max-length", "cut to N tokens, special ones included (default: no limit)",
                                       kMostCount, o.max_length));
  return group;
}

OptionGroup bench_options(BenchFlags& o) {
  return {"Measurement",
          {count_option("--callers", "threads that send requests (default 1)", kMostThreads, o.callers),
           {"--seconds",
            "S",
            "how long to measure, after a warm-up (default 10)",
            Takes::one_value,
            [&o](auto v) { o.seconds = parse_seconds("--seconds", v); },
            {}}}};
}

std::vector<OptionGroup> options_of(Options& o) {
  std::vector<OptionGroup> groups;
  if (o.command == Command::embed || o.command == Command::bench) groups.push_back(embed_options(o.embed));
  if (o.command == Command::search) groups.push_back(search_options(o.search));
  if (o.command == Command::classify) groups.push_back(classify_options(o.classify));
  if (o.command == Command::bench) groups.push_back({"Classification", {aggregation_option(o.classify)}});
  if (o.command == Command::tokenize) groups.push_back(tokenize_options(o.tokenize));
  if (o.command == Command::bench) groups.push_back(bench_options(o.bench));
  groups.push_back(model_options(o.common));
  groups.push_back(input_options(o.common));
  return groups;
}

std::string version_text() {
  return fmt::format("modelpool {}\nLibTorch {}\nCUDA {}\n", version(), MODELPOOL_CLI_TORCH_VERSION,
                     MODELPOOL_CLI_CUDA_VERSION);
}

std::string general_help() {
  std::string text =
      "modelpool - pools of model instances, leased to threads\n\n"
      "usage: modelpool COMMAND --model FOLDER [options] [inputs]\n\nCommands:\n";
  for (const auto& c : kCommands) text += fmt::format("  {:<10}{}\n", c.name, c.summary);
  return text +
         "\nOptions:\n"
         "  --help    this text; after a command, that command's options\n"
         "  --version versions of modelpool, LibTorch and CUDA\n\n"
         "Exit status: 0 all inputs done, 1 some inputs failed, 2 the command could not run, 130 interrupted.\n";
}

std::string command_help(const CommandInfo& info, std::span<const OptionGroup> groups) {
  return fmt::format("modelpool {} - {}\n\nusage: modelpool {} --model FOLDER [options] {}\n{}", info.name,
                     info.summary, info.name, info.inputs, describe_options(groups));
}

const CommandInfo& find_command(const std::string& name) {
  const auto found = std::find_if(kCommands.begin(), kCommands.end(), [&](const auto& c) { return c.name == name; });
  if (found != kCommands.end()) return *found;
  if (name == "cleanup" || std::find(kLaterCommands.begin(), kLaterCommands.end(), name) != kLaterCommands.end())
    throw UsageError(fmt::format("the command {} is not in this version; there are: {}", name, command_names()));
  const bool is_option = name.starts_with("-");
  std::vector<std::string_view> names{"--help", "--version"};
  if (!is_option) names.clear();
  for (const auto& c : kCommands) names.push_back(c.name);
  const auto near = nearest(name, names);
  throw UsageError(fmt::format("unknown {} {}.{} There are: {}", is_option ? "option" : "command", name,
                               near.empty() ? "" : fmt::format(" Did you mean {}?", near), command_names()));
}

void check_sources(const Options& o) {
  if (o.common.model.empty()) throw UsageError("--model is missing: give a model folder, or org/name in the hub cache");
  const bool from_file = o.common.input.has_value();
  const bool from_line = !o.common.inputs.empty();
  if (from_file && from_line)
    throw UsageError(fmt::format("inputs come from --input {} or from the command line, not from both ('{}')",
                                 *o.common.input, o.common.inputs.front()));
  if (o.command == Command::info && (from_file || from_line)) throw UsageError("info takes no inputs");
  const bool needs_input = o.command != Command::info && o.command != Command::bench;
  if (o.command == Command::search && o.search.index.empty())
    throw UsageError("--index is missing: give the files or folders to search");
  if (needs_input && !from_file && !from_line)
    throw UsageError(o.command == Command::search
                         ? "no question: put -- and the questions behind the files of --index, or use --input FILE"
                         : "no input: give texts, or --input FILE (- is standard input)");
}

}  // namespace

std::string parse_pooling_name(std::string_view option, std::string_view text) {
  constexpr std::array<Choice<std::string_view>, 5> kKinds{
      {{"auto", "auto"}, {"mean", "mean"}, {"cls", "cls"}, {"max", "max"}, {"lasttoken", "lasttoken"}}};
  return std::string{choose(option, text, kKinds)};
}

std::string parse_aggregation_name(std::string_view option, std::string_view text) {
  constexpr std::array<Choice<std::string_view>, 2> kKinds{{{"none", "none"}, {"simple", "simple"}}};
  return std::string{choose(option, text, kKinds)};
}

Request parse_command_line(std::span<const std::string> arguments) {
  if (arguments.empty()) throw UsageError("no command. There are: " + command_names() + " (--help says more)");
  const auto& first = arguments.front();
  if (first == "--help" || first == "-h" || first == "help") return {.options = {}, .print = general_help()};
  if (first == "--version") return {.options = {}, .print = version_text()};
  const auto& info = find_command(first);
  Request request;
  request.options.command = info.command;
  const auto groups = options_of(request.options);
  auto parsed = parse_arguments(arguments.subspan(1), groups);
  if (parsed.help) {
    request.print = command_help(info, groups);
    return request;
  }
  request.options.common.inputs = std::move(parsed.inputs);
  check_sources(request.options);
  return request;
}

}  // namespace modelpool::cli
