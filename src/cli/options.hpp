// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <compare>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace modelpool::cli {

enum class Command { embed, search, classify, tokenize, info, bench };
enum class InputFormat { lines, jsonl };
enum class ProgressMode { automatic, always, never };
enum class LogLevel { debug, info, warn, error, off };

/// Options that every command has.
struct CommonOptions {
  std::string model = {};  ///< as given: a folder, or org/name
  std::string device = "auto";
  std::string dtype = "auto";
  std::optional<std::size_t> pool_size = {};  ///< nullopt: auto
  std::optional<int> threads = {};
  std::optional<std::size_t> batch_size = {};
  std::optional<std::size_t> batch_tokens = {};
  std::optional<std::chrono::nanoseconds> timeout = {};
  bool json = false;
  std::optional<std::string> input = {};  ///< a file, or "-"
  InputFormat input_format = InputFormat::lines;
  ProgressMode progress = ProgressMode::automatic;
  LogLevel log_level = LogLevel::warn;
  std::vector<std::string> inputs = {};  ///< those on the command line
};

/// How a text is embedded. Also what one row of JSON Lines may set for itself.
struct EmbedFlags {
  std::optional<std::string> pooling = {};
  std::optional<bool> normalize = {};
  std::optional<std::string> prompt = {};
  std::optional<std::string> prompt_name = {};
  std::optional<std::size_t> dimensions = {};
  std::optional<std::size_t> max_length = {};

  friend auto operator<=>(const EmbedFlags&, const EmbedFlags&) = default;
};

struct SearchFlags {
  std::vector<std::string> index = {};  ///< files and folders
  std::size_t top_k = 5;
  bool cache = true;  ///< keep the passages' embeddings for the next run, and use those of earlier ones
};

/// How a text is classified. Also what one row of JSON Lines may set for itself.
struct ClassifyFlags {
  std::string aggregation = "none";
  std::optional<std::size_t> max_length = {};

  friend auto operator<=>(const ClassifyFlags&, const ClassifyFlags&) = default;
};

/// How a text is tokenized. Also what one row of JSON Lines may set for itself, but for `decode`.
struct TokenizeFlags {
  bool decode = false;
  bool special_tokens = true;
  std::optional<std::string> pair = {};
  std::optional<std::size_t> max_length = {};
};

struct BenchFlags {
  std::size_t callers = 1;
  std::chrono::nanoseconds seconds = std::chrono::seconds{10};
};

/// A command line, read.
struct Options {
  Command command = Command::embed;
  CommonOptions common;
  EmbedFlags embed = {};
  SearchFlags search;
  ClassifyFlags classify = {};
  TokenizeFlags tokenize = {};
  BenchFlags bench;
};

/// What a command line asks for: a command to run, or a text to print.
struct Request {
  Options options;
  std::optional<std::string> print = {};  ///< set for --help and --version: print it and end with 0
};

/// @param arguments  without the program's name
/// @throws UsageError
[[nodiscard]] Request parse_command_line(std::span<const std::string> arguments);

/// @throws UsageError  naming the five; `option` is what the error names
[[nodiscard]] std::string parse_pooling_name(std::string_view option, std::string_view text);
/// @throws UsageError  naming the two
[[nodiscard]] std::string parse_aggregation_name(std::string_view option, std::string_view text);

}  // namespace modelpool::cli
