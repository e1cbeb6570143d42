// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/cpu/kernels.hpp"
#include "modelpool/weights/dtype.hpp"

namespace modelpool::nn {

using Precision = kernels::cpu::Precision;

/// How linear layers keep their weights on a CPU. @param dtype  resolved
/// @throws InvalidOptions  float16, for which there are no kernels
[[nodiscard]] Precision precision_of(DType dtype);

/// What DType::automatic means on this machine's CPU: the fastest that loses nothing a task's metric can see. bfloat16 where
/// the processor has tiles of it, else int8 where that is faster than float32.
[[nodiscard]] DType automatic_dtype() noexcept;

}  // namespace modelpool::nn
