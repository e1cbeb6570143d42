// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace modelpool::nn {

/// @return (floats) float32, uninitialised, 64-byte aligned. Large ones are pages of their own, which go back to the system
///         with the tensor: in the C library's heap they would leave holes of their size when instances come and go.
/// @throws std::bad_alloc
[[nodiscard]] at::Tensor allocate_floats(std::int64_t floats);

}  // namespace modelpool::nn
