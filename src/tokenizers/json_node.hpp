// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace modelpool::tokenizers {

/// What a value is, for messages: "a string", "an object", "null".
[[nodiscard]] std::string kind_of(const nlohmann::json& value);

/// A value of a JSON file that knows its place, so that every wrong type or range is a LoadError naming file and key.
/// Refers to the document, which must outlive it.
class JsonNode {
 public:
  JsonNode(const nlohmann::json& value, std::string file, std::string path = "");

  /// The member `key`. @throws LoadError if it is absent
  [[nodiscard]] JsonNode at(std::string_view key) const;
  /// The member `key`; nullopt where it is absent or null.
  [[nodiscard]] std::optional<JsonNode> find(std::string_view key) const;
  /// The members of an object in the order of their keys, or the elements of an array.
  [[nodiscard]] std::vector<std::pair<std::string, JsonNode>> members() const;
  [[nodiscard]] std::vector<JsonNode> elements() const;

  /// The value itself, for lists so long that a node for each element would cost more than reading them.
  [[nodiscard]] const nlohmann::json& value() const noexcept { return *value_; }

  [[nodiscard]] bool is_null() const noexcept;
  [[nodiscard]] bool is_object() const noexcept;
  [[nodiscard]] bool is_string() const noexcept;
  [[nodiscard]] bool is_number() const noexcept;
  [[nodiscard]] const std::string& string() const;
  [[nodiscard]] bool boolean() const;
  [[nodiscard]] double number() const;
  /// A whole number from 0 to `most`.
  [[nodiscard]] std::uint64_t count(std::uint64_t most) const;

  /// This value's `type`, as every component of tokenizer.json has one.
  [[nodiscard]] const std::string& type() const;

  /// @throws LoadError with this place
  [[noreturn]] void fail(const std::string& problem) const;
  /// @throws UnsupportedModel for a component of this type
  [[noreturn]] void unsupported(std::string_view kind, std::vector<std::string> supported) const;

  [[nodiscard]] const std::string& file() const noexcept { return file_; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  [[nodiscard]] JsonNode child(const nlohmann::json& value, std::string_view step) const;
  [[noreturn]] void wrong_type(std::string_view wanted) const;

  const nlohmann::json* value_;
  std::string file_;
  std::string path_;
};

}  // namespace modelpool::tokenizers
