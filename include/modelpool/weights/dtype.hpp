// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

namespace modelpool {

/// The precision that a model computes in. `automatic` is the fastest one that the device supports and that keeps the
/// model's quality; it is resolved when a model is loaded.
enum class DType { automatic, float32, bfloat16, float16, int8 };

/// "auto", "float32", "bfloat16", "float16", "int8"
[[nodiscard]] std::string_view to_string(DType dtype) noexcept;

/// @throws InvalidOptions  naming the values there are
[[nodiscard]] DType parse_dtype(std::string_view text);

}  // namespace modelpool
