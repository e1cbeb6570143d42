// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace modelpool::models {

/// A configuration file of a model folder: JSON, its values asked for by key. Whatever is wrong is an error naming file
/// and key. An absent key and a null are the same. Thread safety: const, any number of threads.
class JsonFile {
 public:
  /// @throws LoadError  the file cannot be read or is not JSON (with the byte offset)
  [[nodiscard]] static JsonFile read(const std::filesystem::path& path);
  /// @return nullopt where there is no such file
  [[nodiscard]] static std::optional<JsonFile> read_if_present(const std::filesystem::path& path);

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] const nlohmann::json& root() const noexcept { return root_; }
  /// @throws LoadError  the file holds something else than an object
  const JsonFile& require_object() const;

  [[nodiscard]] bool has(std::string_view key) const;
  /// @throws LoadError  of another type than asked for, or outside the bounds
  [[nodiscard]] std::optional<std::int64_t> integer(std::string_view key, std::int64_t least, std::int64_t most) const;
  [[nodiscard]] std::optional<double> number(std::string_view key) const;
  [[nodiscard]] std::optional<bool> boolean(std::string_view key) const;
  [[nodiscard]] std::optional<std::string> string(std::string_view key) const;

  /// @throws LoadError  always: about this key of this file
  [[noreturn]] void fail(std::string_view key, const std::string& problem) const;

 private:
  JsonFile(std::string path, nlohmann::json root) : path_(std::move(path)), root_(std::move(root)) {}
  [[nodiscard]] const nlohmann::json* find(std::string_view key) const;

  std::string path_;
  nlohmann::json root_;
};

}  // namespace modelpool::models
