// SPDX-License-Identifier: Apache-2.0
#include "nn/memory.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <sys/mman.h>

#include <cstddef>
#include <new>

namespace modelpool::nn {
namespace {

constexpr std::size_t kLeastPages = 64 * 1024;  // bytes from which the rounding to whole pages does not matter

}  // namespace

at::Tensor allocate_floats(std::int64_t floats) {
  const auto bytes = static_cast<std::size_t>(floats) * sizeof(float);
  if (bytes < kLeastPages) return at::empty({floats}, at::kFloat);
  void* pages = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) throw std::bad_alloc();
  ::madvise(pages, bytes, MADV_HUGEPAGE);  // fewer misses when weights are walked through; a wish, not a need
  return at::from_blob(
      pages, {floats}, [bytes](void* memory) { ::munmap(memory, bytes); }, at::kFloat);
}

}  // namespace modelpool::nn
