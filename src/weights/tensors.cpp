// SPDX-License-Identifier: Apache-2.0
#include "weights/tensors.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "modelpool/error.hpp"

namespace modelpool {
namespace {

std::optional<at::ScalarType> scalar_type_of(ElementType type) {
  switch (type) {
    case ElementType::boolean:
      return at::kBool;
    case ElementType::u8:
      return at::kByte;
    case ElementType::i8:
      return at::kChar;
    case ElementType::f8_e5m2:
      return at::kFloat8_e5m2;
    case ElementType::f8_e4m3:
      return at::kFloat8_e4m3fn;
    case ElementType::f8_e8m0:
      return at::kFloat8_e8m0fnu;
    case ElementType::f8_e4m3fnuz:
      return at::kFloat8_e4m3fnuz;
    case ElementType::f8_e5m2fnuz:
      return at::kFloat8_e5m2fnuz;
    case ElementType::i16:
      return at::kShort;
    case ElementType::u16:
      return at::kUInt16;
    case ElementType::f16:
      return at::kHalf;
    case ElementType::bf16:
      return at::kBFloat16;
    case ElementType::i32:
      return at::kInt;
    case ElementType::u32:
      return at::kUInt32;
    case ElementType::f32:
      return at::kFloat;
    case ElementType::c64:
      return at::kComplexFloat;
    case ElementType::f64:
      return at::kDouble;
    case ElementType::i64:
      return at::kLong;
    case ElementType::u64:
      return at::kUInt64;
    case ElementType::f4:
    case ElementType::f6_e2m3:
    case ElementType::f6_e3m2:
      return std::nullopt;
  }
  return std::nullopt;
}

at::ScalarType checked_scalar_type(const StoredTensor& stored) {
  if (const auto type = scalar_type_of(stored.type)) return *type;
  throw LoadError{stored.file, stored.name, stored.file_offset,
                  fmt::format("elements of type {} cannot be computed with; use the checkpoint in another precision",
                              to_string(stored.type))};
}

/// A copy of the bytes alone, whatever order they are in.
std::vector<std::byte> bytes_of(const StoredTensor& stored) { return {stored.data.begin(), stored.data.end()}; }

/// The elements in row-major order.
at::Tensor arranged(const StoredTensor& stored) {
  const auto bytes = stored.aligned() ? std::vector<std::byte>{} : bytes_of(stored);
  auto* const data = const_cast<std::byte*>(stored.aligned() ? stored.data.data() : bytes.data());
  const auto options = at::TensorOptions{}.dtype(checked_scalar_type(stored));
  return at::from_blob(data, stored.shape, stored.strides, options).clone(at::MemoryFormat::Contiguous);
}

at::Tensor copy_of(const StoredTensor& stored) {
  if (!stored.strides.empty()) return arranged(stored);
  auto tensor = at::empty(stored.shape, at::TensorOptions{}.dtype(checked_scalar_type(stored)));
  if (!stored.data.empty()) std::memcpy(tensor.mutable_data_ptr(), stored.data.data(), stored.data.size());
  return tensor;
}

at::Tensor map_of(const StoredTensor& stored) {
  auto* const data = const_cast<std::byte*>(stored.data.data());  // LibTorch knows no constant memory
  return at::from_blob(
      data, stored.shape, [owner = stored.owner](void*) {}, at::TensorOptions{}.dtype(checked_scalar_type(stored)));
}

bool can_be_mapped(const StoredTensor& stored) {
  return stored.owner != nullptr && stored.aligned() && stored.strides.empty() && !stored.data.empty();
}

void require_floating_point(const StoredTensor& stored) {
  if (at::isFloatingType(checked_scalar_type(stored))) return;
  throw LoadError{
      stored.file, stored.name, stored.file_offset,
      fmt::format("has elements of type {} where floating-point numbers are expected", to_string(stored.type))};
}

}  // namespace

at::Tensor tensor_from(const StoredTensor& stored) { return can_be_mapped(stored) ? map_of(stored) : copy_of(stored); }

at::Tensor tensor_from(const StoredTensor& stored, at::ScalarType type) {
  require_floating_point(stored);
  if (checked_scalar_type(stored) == type) return tensor_from(stored);
  return copy_from(stored, type);
}

at::Tensor copy_from(const StoredTensor& stored, at::ScalarType type) {
  require_floating_point(stored);
  const bool same = checked_scalar_type(stored) == type;
  auto tensor = same ? copy_of(stored) : tensor_from(stored).to(type);
  stored.release_pages();
  return tensor;
}

at::ScalarType scalar_type(DType dtype) {
  if (dtype == DType::float32) return at::kFloat;
  if (dtype == DType::bfloat16) return at::kBFloat16;
  if (dtype == DType::float16) return at::kHalf;
  throw InvalidOptions{"dtype", std::string(to_string(dtype)),
                       "one that weights are stored in: float32, bfloat16 or float16"};
}

}  // namespace modelpool
