// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#define MODELPOOL_KERNELS_ISA avx2
#define MODELPOOL_KERNELS_TABLE kernels_avx2
#define MODELPOOL_KERNELS_FASTEST int8
#define MODELPOOL_KERNELS_VL 8
#define MODELPOOL_KERNELS_MR 6
#define MODELPOOL_KERNELS_NV 2
#define MODELPOOL_KERNELS_KC 384
#define MODELPOOL_KERNELS_PR 6
#define MODELPOOL_KERNELS_PV 2
#define MODELPOOL_KERNELS_DOT_INT(sum, a, b) dot_int(sum, a, b)
#include "kernels/cpu/vector.inl"

namespace modelpool::kernels::cpu {
namespace {
// Written out, so that no product is kept in a register: twelve sums, two vectors of weights, one of inputs and one product
// are the sixteen there are, and a sum that went through memory would hold up all others.
MODELPOOL_INLINE VecInt dot_int(VecInt sum, VecShort a, VecShort b) {
  VecInt products;
  asm("vpmaddwd %[b], %[a], %[products]\n\tvpaddd %[products], %[sum], %[sum]"
      : [sum] "+x"(sum), [products] "=&x"(products)
      : [a] "x"(a), [b] "x"(b));
  return sum;
}
}  // namespace
}  // namespace modelpool::kernels::cpu

#include "kernels/cpu/parts.inl"
//
#include "kernels/cpu/kernels_of_isa.inl"
