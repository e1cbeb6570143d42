// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/json_node.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "base/escape.hpp"
#include "modelpool/error.hpp"

namespace modelpool::tokenizers {

std::string kind_of(const nlohmann::json& value) {
  if (value.is_null()) return "null";
  const bool vowel = value.is_array() || value.is_object();
  return fmt::format("{} {}", vowel ? "an" : "a", value.type_name());
}

JsonNode::JsonNode(const nlohmann::json& value, std::string file, std::string path)
    : value_(&value), file_(std::move(file)), path_(std::move(path)) {}

JsonNode JsonNode::child(const nlohmann::json& value, std::string_view step) const {
  const std::string safe = escaped(step);
  return {value, file_, path_.empty() ? safe : fmt::format("{}.{}", path_, safe)};
}

JsonNode JsonNode::at(std::string_view key) const {
  if (!value_->is_object()) wrong_type("an object");
  const auto found = value_->find(std::string(key));
  if (found == value_->end()) fail(fmt::format("has no \"{}\", which is needed", escaped(key)));
  return child(*found, key);
}

std::optional<JsonNode> JsonNode::find(std::string_view key) const {
  if (!value_->is_object()) wrong_type("an object");
  const auto found = value_->find(std::string(key));
  if (found == value_->end() || found->is_null()) return std::nullopt;
  return child(*found, key);
}

std::vector<std::pair<std::string, JsonNode>> JsonNode::members() const {
  if (!value_->is_object()) wrong_type("an object");
  std::vector<std::pair<std::string, JsonNode>> result;
  for (const auto& [key, value] : value_->items()) result.emplace_back(key, child(value, key));
  return result;
}

std::vector<JsonNode> JsonNode::elements() const {
  if (!value_->is_array()) wrong_type("an array");
  std::vector<JsonNode> result;
  for (const auto& value : *value_) result.push_back(child(value, fmt::format("[{}]", result.size())));
  return result;
}

bool JsonNode::is_null() const noexcept { return value_->is_null(); }
bool JsonNode::is_object() const noexcept { return value_->is_object(); }
bool JsonNode::is_string() const noexcept { return value_->is_string(); }
bool JsonNode::is_number() const noexcept { return value_->is_number(); }

const std::string& JsonNode::string() const {
  if (!value_->is_string()) wrong_type("a string");
  return value_->get_ref<const std::string&>();
}

bool JsonNode::boolean() const {
  if (!value_->is_boolean()) wrong_type("true or false");
  return value_->get<bool>();
}

double JsonNode::number() const {
  if (!value_->is_number()) wrong_type("a number");
  return value_->get<double>();
}

std::uint64_t JsonNode::count(std::uint64_t most) const {
  if (!value_->is_number_unsigned()) wrong_type("a whole number of at least 0");
  const auto value = value_->get<std::uint64_t>();
  if (value > most) fail(fmt::format("is {}, but must be at most {}", value, most));
  return value;
}

const std::string& JsonNode::type() const { return at("type").string(); }

void JsonNode::fail(const std::string& problem) const { throw LoadError{file_, path_, std::nullopt, problem}; }

void JsonNode::wrong_type(std::string_view wanted) const {
  fail(fmt::format("is {}, but must be {}", kind_of(*value_), wanted));
}

void JsonNode::unsupported(std::string_view kind, std::vector<std::string> supported) const {
  throw UnsupportedModel{file_, std::string(kind), escaped(type()), std::move(supported)};
}

}  // namespace modelpool::tokenizers
