// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace modelpool::cuda {

/// S sequences of T tokens together, C = hidden_size. All pointers are to device memory.
struct RaggedMeanPool {
  const float* hidden;             ///< (T, C)
  const std::int32_t* cu_seqlens;  ///< (S + 1)
  float* means;                    ///< (S, C)
  std::int64_t num_sequences;      ///< S
  std::int64_t hidden_size;        ///< C
};

/// The mean of each sequence's rows, zeros for a sequence without rows. Enqueues only.
/// @return  what the launch returned; cudaErrorInvalidValue for negative sizes
cudaError_t ragged_mean_pool(const RaggedMeanPool& arguments, cudaStream_t stream);

}  // namespace modelpool::cuda
