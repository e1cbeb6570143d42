// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace modelpool {

/// What applies to all managers of a program. Sources, each beating those after it: code and command-line flags (they
/// assign members), the environment, a JSON file, the defaults below. docs/settings.md lists the names.
///
/// Thread safety: a value.
struct Settings {
  bool model_pool_enabled = true;            ///< false: one instance, its callers one after the other
  std::size_t model_pool_max_instances = 2;  ///< instances of a manager whose options name no number
  std::map<std::string, std::uint64_t> model_vram_estimates{
      {"embedding", std::uint64_t{1} << 30},
      {"summarization", std::uint64_t{2} << 30}};  ///< bytes of one instance, by task
  bool force_gpu = false;                          ///< an error where there is no usable GPU
  bool force_cpu = false;                          ///< never use a GPU

  /// Looks up an environment variable; nullopt when it is not set.
  using Environment = std::function<std::optional<std::string>(std::string_view name)>;

  /// The environment of this process over the file that MODELPOOL_SETTINGS names (if any) over the defaults.
  /// @throws InvalidOptions  naming the variable or the key of the file, its value, and what would be accepted
  /// @throws LoadError       if the file cannot be read or is not a JSON object
  [[nodiscard]] static Settings from_environment();
  [[nodiscard]] static Settings from_environment(const Environment& environment);

  /// The file over the defaults. An unknown key is an error that suggests the nearest one.
  /// @throws InvalidOptions, LoadError  as above
  [[nodiscard]] static Settings from_file(const std::filesystem::path& file);

  /// @throws InvalidOptions  naming the member, if the values contradict each other or are out of range
  void validate() const;
};

}  // namespace modelpool
