// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace modelpool::models {

/// Ways to make one vector of a text's token vectors.
/// Reference: sentence-transformers 6.2, models/Pooling.
enum class PoolingMode { cls, max, mean, mean_sqrt_len, weightedmean, lasttoken };

[[nodiscard]] const char* to_string(PoolingMode mode) noexcept;
/// For example "cls+mean".
[[nodiscard]] std::string to_string(const std::vector<PoolingMode>& modes);

/// @param tokens  (L, C): all tokens of one text, row-major
/// @param first   tokens before it are left out (those of a prompt that does not count)
/// @param out     (C)
void pool(PoolingMode mode, std::span<const float> tokens, std::int64_t first, std::span<float> out);

/// Divides by max(norm, 1e-12).
void normalize(std::span<float> vector);

}  // namespace modelpool::models
