// SPDX-License-Identifier: Apache-2.0
#include "modelpool/settings.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "base/json_value.hpp"
#include "base/nearest.hpp"
#include "modelpool/error.hpp"

namespace modelpool {
namespace {

using nlohmann::json;

constexpr std::string_view kFileVariable = "MODELPOOL_SETTINGS";
constexpr std::string_view kFlagBound = "true, false, 1 or 0";
constexpr std::size_t kMostInstances = 65535;  // as PoolOptions::max_size
constexpr std::string_view kCountBound = "a whole number from 1 to 65535";
constexpr std::string_view kEstimatesBound =
    "an object of task names and byte counts, for example {\"embedding\": 1073741824}";

bool parse_flag(const std::string& name, const std::string& text) {
  std::string lower = text;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  if (lower == "true" || lower == "1") return true;
  if (lower == "false" || lower == "0") return false;
  throw InvalidOptions{name, fmt::format("\"{}\"", text), std::string(kFlagBound)};
}

std::size_t parse_count(const std::string& name, const std::string& text) {
  std::size_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || end != text.data() + text.size() || count == 0 || count > kMostInstances)
    throw InvalidOptions{name, fmt::format("\"{}\"", text), std::string(kCountBound)};
  return count;
}

bool flag_of(const std::string& name, const json& value) {
  if (value.is_boolean()) return value.get<bool>();
  throw InvalidOptions{name, shown(value), "true or false"};
}

std::size_t count_of(const std::string& name, const json& value) {
  const auto count = value.is_number_unsigned() ? value.get<std::size_t>() : 0;
  if (count >= 1 && count <= kMostInstances) return count;
  throw InvalidOptions{name, shown(value), std::string(kCountBound)};
}

void merge_estimates(Settings& settings, const std::string& name, const json& value) {
  if (!value.is_object()) throw InvalidOptions{name, shown(value), std::string(kEstimatesBound)};
  for (const auto& [task, bytes] : value.items()) {
    if (!bytes.is_number_unsigned())
      throw InvalidOptions{name + "." + escaped(task), shown(bytes), "a number of bytes"};
    settings.model_vram_estimates[task] = bytes.get<std::uint64_t>();
  }
}

constexpr std::size_t kMostOfKey = 40;
constexpr std::array<std::string_view, 5> kKeys{"model_pool_enabled", "model_pool_max_instances",
                                                "model_vram_estimates", "force_gpu", "force_cpu"};

void apply_key(Settings& settings, const std::string& file, const std::string& key, const json& value) {
  const std::string name = file + ": " + key;
  if (key == "model_pool_enabled") {
    settings.model_pool_enabled = flag_of(name, value);
  } else if (key == "model_pool_max_instances") {
    settings.model_pool_max_instances = count_of(name, value);
  } else if (key == "model_vram_estimates") {
    merge_estimates(settings, name, value);
  } else if (key == "force_gpu") {
    settings.force_gpu = flag_of(name, value);
  } else if (key == "force_cpu") {
    settings.force_cpu = flag_of(name, value);
  } else {
    const auto meant = nearest(key, kKeys);
    throw InvalidOptions{file, fmt::format("using the unknown key \"{}\"", escaped(key, kMostOfKey)),
                         meant.empty() ? fmt::format("made of {}", fmt::join(kKeys, ", "))
                                       : fmt::format("made of known keys; did you mean \"{}\"?", meant)};
  }
}

// The parser's callback sees each key when it is read, so that a duplicate is caught before the map would hide it.
json parse_object(const std::string& file, std::istream& text) {
  std::vector<std::set<std::string>> seen;
  const auto check = [&](int, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::object_start) seen.emplace_back();
    if (event == json::parse_event_t::object_end) seen.pop_back();
    if (event == json::parse_event_t::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!seen.back().insert(key).second)
        throw LoadError{file, key, std::nullopt, "this key occurs twice; remove one"};
    }
    return true;
  };
  json document;
  try {
    document = json::parse(text, check);
  } catch (const json::parse_error& error) {
    throw LoadError{file, "", error.byte, "is not valid JSON from here on; settings are one JSON object"};
  } catch (const json::out_of_range&) {
    throw LoadError{file, "", std::nullopt, "holds a number that is out of range"};
  }
  if (!document.is_object())
    throw LoadError{file, "", std::nullopt, "is not a JSON object; settings are one JSON object"};
  return document;
}

std::optional<std::string> process_environment(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  return value ? std::optional<std::string>(value) : std::nullopt;
}

// Reads one setting from the first of its names that is set and not empty.
template <class Apply>
void from_first(const Settings::Environment& environment, std::initializer_list<std::string_view> names, Apply apply) {
  for (const auto name : names)
    if (const auto value = environment(name); value && !value->empty()) return apply(std::string(name), *value);
}

json parse_variable(const std::string& name, const std::string& text) {
  json value = json::parse(text, nullptr, false);
  if (value.is_discarded()) throw InvalidOptions{name, "\"" + text + "\"", std::string(kEstimatesBound)};
  return value;
}

}  // namespace

Settings Settings::from_file(const std::filesystem::path& path) {
  const std::string file = path.string();
  std::error_code error;
  if (std::filesystem::is_directory(path, error))
    throw LoadError{file, "", std::nullopt, "is a folder; the settings are a JSON file"};
  std::ifstream stream(path, std::ios::binary);
  if (!stream) throw LoadError{file, "", std::nullopt, "cannot be opened; check the path and its permissions"};
  Settings settings;
  const json document = parse_object(file, stream);
  for (const auto& [key, value] : document.items()) apply_key(settings, file, key, value);
  settings.validate();
  return settings;
}

Settings Settings::from_environment() { return from_environment(process_environment); }

Settings Settings::from_environment(const Environment& environment) {
  Settings settings;
  from_first(environment, {kFileVariable},
             [&](const std::string&, const std::string& file) { settings = from_file(file); });
  from_first(
      environment, {"MODELPOOL_ENABLED", "MODEL_POOL_ENABLED"},
      [&](const std::string& name, const std::string& text) { settings.model_pool_enabled = parse_flag(name, text); });
  from_first(environment, {"MODELPOOL_MAX_INSTANCES", "MODEL_POOL_MAX_INSTANCES"},
             [&](const std::string& name, const std::string& text) {
               settings.model_pool_max_instances = parse_count(name, text);
             });
  from_first(environment, {"MODELPOOL_VRAM_ESTIMATES"}, [&](const std::string& name, const std::string& text) {
    merge_estimates(settings, name, parse_variable(name, text));
  });
  from_first(environment, {"MODELPOOL_FORCE_GPU", "MASX_FORCE_GPU"},
             [&](const std::string& name, const std::string& text) { settings.force_gpu = parse_flag(name, text); });
  from_first(environment, {"MODELPOOL_FORCE_CPU", "MASX_FORCE_CPU"},
             [&](const std::string& name, const std::string& text) { settings.force_cpu = parse_flag(name, text); });
  settings.validate();
  return settings;
}

void Settings::validate() const {
  if (model_pool_max_instances == 0 || model_pool_max_instances > kMostInstances)
    throw InvalidOptions{"model_pool_max_instances", fmt::to_string(model_pool_max_instances),
                         std::string(kCountBound)};
  if (force_gpu && force_cpu)
    throw InvalidOptions{"force_gpu", "true together with force_cpu", "true for at most one of the two; unset one"};
}

}  // namespace modelpool
