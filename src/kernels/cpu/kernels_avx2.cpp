// SPDX-License-Identifier: Apache-2.0
#define MODELPOOL_KERNELS_ISA avx2
#define MODELPOOL_KERNELS_VL 8
#define MODELPOOL_KERNELS_MR 6
#define MODELPOOL_KERNELS_NV 2
#define MODELPOOL_KERNELS_KC 384
#include "kernels/cpu/kernels.inl"

namespace modelpool::kernels::cpu {
extern const Kernels kernels_avx2;
const Kernels kernels_avx2 = kKernels;
}  // namespace modelpool::kernels::cpu
