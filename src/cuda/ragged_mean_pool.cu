// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>

#include "cuda/ragged_mean_pool.hpp"

namespace modelpool::cuda {
namespace {

constexpr int kThreads = 128;
constexpr std::int64_t kMaxBlocks = 1 << 20;  // beyond it a block takes several sequences

/// A block takes a sequence, its threads take columns: neighbours read neighbouring addresses, and a column is summed from
/// first row to last, whatever else is in the batch.
__global__ void mean_of_rows(RaggedMeanPool a) {
  for (std::int64_t s = blockIdx.x; s < a.num_sequences; s += gridDim.x) {
    const std::int64_t begin = a.cu_seqlens[s];
    const std::int64_t end = a.cu_seqlens[s + 1];
    const float scale = end > begin ? 1.0f / static_cast<float>(end - begin) : 0.0f;
    for (std::int64_t c = threadIdx.x; c < a.hidden_size; c += blockDim.x) {
      float sum = 0.0f;
      for (std::int64_t row = begin; row < end; ++row) sum += a.hidden[row * a.hidden_size + c];
      a.means[s * a.hidden_size + c] = sum * scale;
    }
  }
}

}  // namespace

cudaError_t ragged_mean_pool(const RaggedMeanPool& arguments, cudaStream_t stream) {
  if (arguments.num_sequences < 0 || arguments.hidden_size < 0) return cudaErrorInvalidValue;
  if (arguments.num_sequences == 0 || arguments.hidden_size == 0) return cudaSuccess;
  const auto blocks = static_cast<unsigned>(std::min(arguments.num_sequences, kMaxBlocks));
  mean_of_rows<<<blocks, kThreads, 0, stream>>>(arguments);
  return cudaGetLastError();
}

}  // namespace modelpool::cuda
