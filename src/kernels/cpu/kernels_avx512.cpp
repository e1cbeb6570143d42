// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#define MODELPOOL_KERNELS_ISA avx512
#define MODELPOOL_KERNELS_TABLE kernels_avx512
#define MODELPOOL_KERNELS_FASTEST float32
#define MODELPOOL_KERNELS_VL 16
#define MODELPOOL_KERNELS_MR 12
#define MODELPOOL_KERNELS_NV 2
#define MODELPOOL_KERNELS_KC 256
#define MODELPOOL_KERNELS_PR 12
#define MODELPOOL_KERNELS_PV 2
#define MODELPOOL_KERNELS_DOT_INT(sum, a, b) \
  ((sum) + reinterpret_cast<VecInt>(_mm512_madd_epi16(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b))))
#include "kernels/cpu/vector.inl"
//
#include "kernels/cpu/parts.inl"
//
#include "kernels/cpu/kernels_of_isa.inl"
