// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "modelpool/weights/safetensors.hpp"
#include "weights/pickle.hpp"

namespace modelpool::detail {

/// A piece of memory that tensors of a checkpoint lie in, as its pickle names it.
struct StorageName {
  std::string key;
  std::uint64_t elements = 0;
  std::uint64_t bytes = 0;
};

/// What the pickle of a checkpoint says of one tensor.
struct TorchTensor {
  std::string name;
  ElementType type = ElementType::f32;
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides;  ///< in elements; empty: row-major
  StorageName storage;
  std::uint64_t begin = 0;   ///< within the storage, in bytes
  std::uint64_t bytes = 0;   ///< from the first element to behind the last; within the storage
  std::uint64_t offset = 0;  ///< where the pickle says so, in bytes of the file
};

/// Reads the pickle of a dictionary of tensors and leaves the cursor behind it.
/// @throws LoadError  it is not one, or a tensor is not within its storage
[[nodiscard]] std::vector<TorchTensor> read_torch_pickle(ByteCursor& cursor, const std::string& file);

}  // namespace modelpool::detail
