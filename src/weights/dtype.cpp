// SPDX-License-Identifier: Apache-2.0
#include "modelpool/weights/dtype.hpp"

#include <array>
#include <string>
#include <utility>

#include "modelpool/error.hpp"

namespace modelpool {
namespace {

constexpr std::array<std::pair<DType, std::string_view>, 5> kNames{{{DType::automatic, "auto"},
                                                                    {DType::float32, "float32"},
                                                                    {DType::bfloat16, "bfloat16"},
                                                                    {DType::float16, "float16"},
                                                                    {DType::int8, "int8"}}};

}  // namespace

std::string_view to_string(DType dtype) noexcept {
  for (const auto& [value, name] : kNames)
    if (value == dtype) return name;
  return "unknown";
}

DType parse_dtype(std::string_view text) {
  for (const auto& [value, name] : kNames)
    if (name == text) return value;
  throw InvalidOptions{"dtype", "\"" + std::string(text) + "\"", "one of auto, float32, bfloat16, float16, int8"};
}

}  // namespace modelpool
