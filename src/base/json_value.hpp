// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "base/escape.hpp"

namespace modelpool {

/// A JSON value as an error message may carry it. Arrays and objects are named, not printed: printing goes as deep into the
/// stack as they are nested, which a file may make deeper than the stack is.
[[nodiscard]] inline std::string shown(const nlohmann::json& value) {
  if (value.is_array()) return "an array";
  if (value.is_object()) return "an object";
  return escaped(value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace modelpool
