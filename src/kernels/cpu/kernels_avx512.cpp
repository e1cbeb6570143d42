// SPDX-License-Identifier: Apache-2.0
#define MODELPOOL_KERNELS_ISA avx512
#define MODELPOOL_KERNELS_VL 16
#define MODELPOOL_KERNELS_MR 12
#define MODELPOOL_KERNELS_NV 2
#define MODELPOOL_KERNELS_KC 256
#include "kernels/cpu/kernels.inl"

namespace modelpool::kernels::cpu {
extern const Kernels kernels_avx512;
const Kernels kernels_avx512 = kKernels;
}  // namespace modelpool::kernels::cpu
