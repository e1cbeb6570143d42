// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include "modelpool/weights/dtype.hpp"
#include "modelpool/weights/safetensors.hpp"

namespace modelpool {

/// The stored tensor with its own element type, on the CPU. Its memory is the file's map where that is aligned and
/// row-major, which must not be written to; otherwise a copy. F4 and F6 have no element type in LibTorch.
/// @throws LoadError  the element type is one of those
[[nodiscard]] at::Tensor tensor_from(const StoredTensor& stored);

/// The stored tensor's numbers as `type` (floating point), on the CPU: mapped where the file has them so, otherwise
/// converted into memory of its own, after which the file's pages are released. The most memory that this needs beside its
/// result is the tensor as stored.
/// @throws LoadError  the stored elements are not floating-point numbers of 8 bits or more
[[nodiscard]] at::Tensor tensor_from(const StoredTensor& stored, at::ScalarType type);

/// As above, but always in memory of its own, which may be written to.
[[nodiscard]] at::Tensor copy_from(const StoredTensor& stored, at::ScalarType type);

/// @throws InvalidOptions  dtype is not one that weights are stored in: float32, bfloat16, float16
[[nodiscard]] at::ScalarType scalar_type(DType dtype);

}  // namespace modelpool
