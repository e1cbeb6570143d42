// SPDX-License-Identifier: Apache-2.0
#include "models/json_file.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>

#include "base/json_value.hpp"
#include "modelpool/error.hpp"

namespace modelpool::models {
namespace {

std::string read_text(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) throw LoadError(path.string(), "", {}, "is a folder, not a file");
  errno = 0;
  std::ifstream stream(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(stream), {}};
  if (!stream.is_open() || stream.bad()) {
    throw LoadError(path.string(), "", {}, fmt::format("cannot be read: {}", std::strerror(errno ? errno : EIO)));
  }
  if (text.starts_with("version https://git-lfs")) {
    throw LoadError(path.string(), "", {}, "is a pointer to the file, not the file; run git lfs pull in its folder");
  }
  return text;
}

}  // namespace

JsonFile JsonFile::read(const std::filesystem::path& path) {
  const auto text = read_text(path);
  try {
    return {path.string(), nlohmann::json::parse(text)};
  } catch (const nlohmann::json::parse_error& error) {
    throw LoadError(path.string(), "", error.byte ? error.byte - 1 : 0, "is not JSON; download the file again");
  } catch (const nlohmann::json::exception&) {
    throw LoadError(path.string(), "", {}, "holds a number that is out of range");
  }
}

std::optional<JsonFile> JsonFile::read_if_present(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) return std::nullopt;
  return read(path);
}

const JsonFile& JsonFile::require_object() const {
  if (!root_.is_object())
    throw LoadError(path_, "", {}, fmt::format("should be a JSON object, not {}", root_.type_name()));
  return *this;
}

const nlohmann::json* JsonFile::find(std::string_view key) const {
  const auto it = root_.find(key);
  return it == root_.end() || it->is_null() ? nullptr : &*it;
}

bool JsonFile::has(std::string_view key) const { return find(key) != nullptr; }

std::optional<std::int64_t> JsonFile::integer(std::string_view key, std::int64_t least, std::int64_t most) const {
  const auto* value = find(key);
  if (!value) return std::nullopt;
  // Some tools write whole numbers as 512.0, or 1e30 for "no limit".
  const bool whole = value->is_number() && std::trunc(value->get<double>()) == value->get<double>();
  const double number = whole ? value->get<double>() : 0;
  if (!whole || number < static_cast<double>(least) || number > static_cast<double>(most)) {
    fail(key, fmt::format("should be a whole number from {} to {}, not {}", least, most, shown(*value)));
  }
  return value->is_number_float() ? static_cast<std::int64_t>(number) : value->get<std::int64_t>();
}

std::optional<double> JsonFile::number(std::string_view key) const {
  const auto* value = find(key);
  if (!value) return std::nullopt;
  if (!value->is_number()) fail(key, fmt::format("should be a number, not {}", shown(*value)));
  return value->get<double>();
}

std::optional<bool> JsonFile::boolean(std::string_view key) const {
  const auto* value = find(key);
  if (!value) return std::nullopt;
  if (!value->is_boolean()) fail(key, fmt::format("should be true or false, not {}", shown(*value)));
  return value->get<bool>();
}

std::optional<std::string> JsonFile::string(std::string_view key) const {
  const auto* value = find(key);
  if (!value) return std::nullopt;
  if (!value->is_string()) fail(key, fmt::format("should be a string, not {}", shown(*value)));
  return value->get<std::string>();
}

void JsonFile::fail(std::string_view key, const std::string& problem) const {
  throw LoadError(path_, std::string(key), {}, problem);
}

}  // namespace modelpool::models
