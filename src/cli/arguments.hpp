// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace modelpool::cli {

/// The command itself cannot run: a wrong option, folder or input file. One line; the process ends with 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// One option of a command, written down once: parsing, its help and its conflicts all come from here.
struct OptionSpec {
  enum class Takes { nothing, one_value, values };  ///< values: all up to the next option

  std::string name;   ///< with its dashes, for example "--pool-size"
  std::string value;  ///< how help writes the value, for example "N|auto"; empty for Takes::nothing
  std::string help;
  Takes takes = Takes::one_value;
  std::function<void(std::string_view value)> set;  ///< called for each value; throws UsageError
  std::vector<std::string> conflicts;               ///< options that cannot be given beside this one
};

struct OptionGroup {
  std::string title;
  std::vector<OptionSpec> options;
};

/// What is left when the options are taken out.
struct ParsedArguments {
  std::vector<std::string> inputs;
  bool help = false;  ///< --help or -h was given; nothing else was checked then
};

/// Reads the arguments behind the command's name: `--name value`, `--name=value`, and inputs. `--` ends the options.
/// @throws UsageError  unknown option (with the nearest one), missing or needless value, an option given twice, conflict
[[nodiscard]] ParsedArguments parse_arguments(std::span<const std::string> arguments,
                                              std::span<const OptionGroup> groups);

/// The options of all groups, one line each.
[[nodiscard]] std::string describe_options(std::span<const OptionGroup> groups);

}  // namespace modelpool::cli
