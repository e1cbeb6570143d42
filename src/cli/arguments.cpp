// SPDX-License-Identifier: Apache-2.0
#include "cli/arguments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "base/nearest.hpp"

namespace modelpool::cli {
namespace {

bool looks_like_option(std::string_view argument) { return argument.size() > 1 && argument.front() == '-'; }

class Parser {
 public:
  Parser(std::span<const std::string> arguments, std::span<const OptionGroup> groups)
      : arguments_(arguments), groups_(groups) {}

  ParsedArguments parse() {
    if (asks_for_help()) return {.inputs = {}, .help = true};
    while (at_ < arguments_.size()) take(arguments_[at_++]);
    check_conflicts();
    return std::move(result_);
  }

 private:
  // Help is wanted most where the rest of the line is wrong, so it is looked for first.
  bool asks_for_help() const {
    const auto end = std::find(arguments_.begin(), arguments_.end(), "--");
    return std::any_of(arguments_.begin(), end, [](const auto& a) { return a == "--help" || a == "-h"; });
  }

  void take(const std::string& argument) {
    if (argument == "--") {
      result_.inputs.insert(result_.inputs.end(), arguments_.begin() + static_cast<std::ptrdiff_t>(at_),
                            arguments_.end());
      at_ = arguments_.size();
    } else if (looks_like_option(argument)) {
      take_option(argument);
    } else {
      result_.inputs.push_back(argument);
    }
  }

  void take_option(const std::string& argument) {
    const auto equals = argument.starts_with("--") ? argument.find('=') : std::string::npos;
    const auto name = argument.substr(0, equals);
    const auto* option = find(name);
    if (!option) throw UsageError(unknown(name));
    const auto inline_value =
        equals == std::string::npos ? std::nullopt : std::optional<std::string>(argument.substr(equals + 1));
    const bool again = !given_.insert(name).second;
    if (again && option->takes == OptionSpec::Takes::one_value)
      throw UsageError(fmt::format("{} is given twice", name));
    take_values(*option, inline_value);
  }

  void take_values(const OptionSpec& option, const std::optional<std::string>& inline_value) {
    switch (option.takes) {
      case OptionSpec::Takes::nothing:
        if (inline_value) throw UsageError(fmt::format("{} takes no value, but got '{}'", option.name, *inline_value));
        option.set({});
        break;
      case OptionSpec::Takes::one_value:
        option.set(inline_value ? *inline_value : next_value(option));
        break;
      case OptionSpec::Takes::values:
        option.set(inline_value ? *inline_value : next_value(option));
        while (!inline_value && at_ < arguments_.size() && !looks_like_option(arguments_[at_]))
          option.set(arguments_[at_++]);
        break;
    }
  }

  const std::string& next_value(const OptionSpec& option) {
    if (at_ == arguments_.size()) throw UsageError(fmt::format("{} needs a value: {}", option.name, option.value));
    const auto& value = arguments_[at_];
    if (value == "--" || find(value))
      throw UsageError(fmt::format("{} needs a value ({}), but {} follows; if that is the value, write {}={}",
                                   option.name, option.value, value, option.name, value));
    ++at_;
    return value;
  }

  void check_conflicts() const {
    for (const auto& name : given_) {
      const auto* option = find(name);
      for (const auto& other : option->conflicts)
        if (given_.contains(other)) throw UsageError(fmt::format("{} and {} cannot be given together", name, other));
    }
  }

  const OptionSpec* find(std::string_view name) const {
    for (const auto& group : groups_)
      for (const auto& option : group.options)
        if (option.name == name) return &option;
    return nullptr;
  }

  std::string unknown(const std::string& name) const {
    std::vector<std::string_view> names{"--help"};
    for (const auto& group : groups_)
      for (const auto& option : group.options) names.push_back(option.name);
    const auto near = nearest(name, names);
    const auto hint = near.empty() ? std::string{} : fmt::format(" Did you mean {}?", near);
    return fmt::format("unknown option {}.{} (--help lists the options; put -- before inputs that begin with -)", name,
                       hint);
  }

  std::span<const std::string> arguments_;
  std::span<const OptionGroup> groups_;
  std::size_t at_ = 0;
  std::set<std::string> given_;
  ParsedArguments result_;
};

std::string usage_of(const OptionSpec& option) {
  return option.value.empty() ? option.name : option.name + " " + option.value;
}

}  // namespace

ParsedArguments parse_arguments(std::span<const std::string> arguments, std::span<const OptionGroup> groups) {
  return Parser(arguments, groups).parse();
}

std::string describe_options(std::span<const OptionGroup> groups) {
  constexpr std::size_t kColumn = 34;  // where the explanations begin; longer usages get a line of their own
  std::string text;
  for (const auto& group : groups) {
    text += fmt::format("\n{}:\n", group.title);
    for (const auto& option : group.options) {
      const auto usage = "  " + usage_of(option);
      text += usage.size() + 2 <= kColumn ? fmt::format("{:<{}}{}\n", usage, kColumn, option.help)
                                          : fmt::format("{}\n{:<{}}{}\n", usage, "", kColumn, option.help);
    }
  }
  return text;
}

}  // namespace modelpool::cli
