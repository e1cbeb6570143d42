// SPDX-License-Identifier: Apache-2.0
// What the tests of managers over committed folders share.
#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "modelpool/error.hpp"
#include "modelpool/managers/embedding.hpp"

namespace modelpool::test {

inline nlohmann::json read_json(const std::filesystem::path& path) {
  return nlohmann::json::parse(std::ifstream(path));
}

/// Of one row of a fixture.
inline EmbedOptions embed_options_of(const nlohmann::json& row) {
  EmbedOptions options;
  if (row.contains("normalize")) options.normalize = row["normalize"].get<bool>();
  if (row.contains("prompt")) options.prompt = row["prompt"].get<std::string>();
  if (row.contains("prompt_name")) options.prompt_name = row["prompt_name"].get<std::string>();
  if (row.contains("dimensions")) options.dimensions = row["dimensions"].get<std::size_t>();
  return options;
}

/// @param make  returns a manager
/// @return      code and message of what making it, or loading its weights, throws; else "no error"
template <class Make>
std::string error_of_loading(const Make& make) {
  try {
    auto manager = make();
    manager.warm_up(1);
  } catch (const Error& error) {
    return std::string(error.code()) + ": " + error.what();
  }
  return "no error";
}

}  // namespace modelpool::test
