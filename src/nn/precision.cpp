// SPDX-License-Identifier: Apache-2.0
#include "nn/precision.hpp"

#include <string>

#include "modelpool/error.hpp"

namespace modelpool::nn {

Precision precision_of(DType dtype) {
  switch (dtype) {
    case DType::float32:
      return Precision::float32;
    case DType::bfloat16:
      return Precision::bfloat16;
    case DType::int8:
      return Precision::int8;
    default:
      throw InvalidOptions("dtype", std::string(to_string(dtype)), "float32, bfloat16, int8 or auto on a CPU");
  }
}

DType automatic_dtype() noexcept {
  switch (kernels::cpu::best().fastest) {
    case Precision::bfloat16:
      return DType::bfloat16;
    case Precision::int8:
      return DType::int8;
    case Precision::float32:
      break;
  }
  return DType::float32;
}

}  // namespace modelpool::nn
