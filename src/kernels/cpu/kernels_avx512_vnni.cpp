// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#define MODELPOOL_KERNELS_ISA avx512_vnni
#define MODELPOOL_KERNELS_TABLE kernels_avx512_vnni
#define MODELPOOL_KERNELS_FASTEST int8
#define MODELPOOL_KERNELS_VL 16
#define MODELPOOL_KERNELS_MR 12
#define MODELPOOL_KERNELS_NV 2
#define MODELPOOL_KERNELS_KC 256
#define MODELPOOL_KERNELS_PR 12
#define MODELPOOL_KERNELS_PV 2
#define MODELPOOL_KERNELS_DOT_INT(sum, a, b) \
  reinterpret_cast<VecInt>(                  \
      _mm512_dpwssd_epi32(reinterpret_cast<__m512i>(sum), reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)))
#define MODELPOOL_KERNELS_DOT_BYTES(sum, a, b) \
  reinterpret_cast<VecInt>(                    \
      _mm512_dpbusd_epi32(reinterpret_cast<__m512i>(sum), reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)))
#include "kernels/cpu/vector.inl"
//
#include "kernels/cpu/parts.inl"
//
#include "kernels/cpu/linear_quads.inl"
//
#define MODELPOOL_KERNELS_INT8_LINEAR kQuadLinear
#include "kernels/cpu/kernels_of_isa.inl"
