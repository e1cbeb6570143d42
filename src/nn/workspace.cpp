// SPDX-License-Identifier: Apache-2.0
#include "nn/workspace.hpp"

#include "nn/memory.hpp"

namespace modelpool::nn {
namespace {

// The old buffer goes before the new one comes: they are never held together.
void grow(at::Tensor& buffer, std::int64_t floats) {
  if (buffer.defined() && buffer.numel() >= floats) return;
  buffer.reset();
  buffer = allocate_floats(floats);
}

}  // namespace

at::Tensor Workspace::take(Slot slot, std::int64_t rows, std::int64_t features) {
  auto& buffer = buffers_[static_cast<std::size_t>(slot)];
  grow(buffer, rows * features);
  return buffer.narrow(0, 0, rows * features).view({rows, features});
}

void Workspace::PerThread::reserve(std::int64_t floats, int threads) {
  if (floats <= floats_) return;
  floats_ = (floats + 15) / 16 * 16;
  grow(memory_, floats_ * threads);
}

float* Workspace::PerThread::of(int thread) const noexcept {
  return memory_.defined() ? memory_.data_ptr<float>() + floats_ * thread : nullptr;
}

std::uint64_t Workspace::bytes() const noexcept {
  std::uint64_t sum = scratch_.bytes() + blocks_.bytes();
  for (const auto& buffer : buffers_) sum += buffer.defined() ? buffer.nbytes() : 0;
  return sum;
}

}  // namespace modelpool::nn
