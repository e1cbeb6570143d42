// SPDX-License-Identifier: Apache-2.0
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define MODELPOOL_KERNELS_ISA generic
#define MODELPOOL_KERNELS_TABLE kernels_generic
#define MODELPOOL_KERNELS_FASTEST float32
#define MODELPOOL_KERNELS_VL 4
#define MODELPOOL_KERNELS_MR 4
#define MODELPOOL_KERNELS_NV 2
#define MODELPOOL_KERNELS_KC 512
#define MODELPOOL_KERNELS_PR 4
#define MODELPOOL_KERNELS_PV 2
#if defined(__SSE2__)
#define MODELPOOL_KERNELS_DOT_INT(sum, a, b) \
  ((sum) + reinterpret_cast<VecInt>(_mm_madd_epi16(reinterpret_cast<__m128i>(a), reinterpret_cast<__m128i>(b))))
#else
// The pairs as 32-bit numbers: their upper halves, and their lower ones.
#define MODELPOOL_KERNELS_DOT_INT(sum, a, b)                                           \
  ((sum) + (reinterpret_cast<VecInt>(a) >> 16) * (reinterpret_cast<VecInt>(b) >> 16) + \
   ((reinterpret_cast<VecInt>(a) << 16) >> 16) * ((reinterpret_cast<VecInt>(b) << 16) >> 16))
#endif
#include "kernels/cpu/vector.inl"
//
#include "kernels/cpu/parts.inl"
//
#include "kernels/cpu/kernels_of_isa.inl"
