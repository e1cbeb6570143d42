// SPDX-License-Identifier: Apache-2.0
#define MODELPOOL_KERNELS_ISA generic
#define MODELPOOL_KERNELS_VL 4
#define MODELPOOL_KERNELS_MR 4
#define MODELPOOL_KERNELS_NV 2
#define MODELPOOL_KERNELS_KC 512
#include "kernels/cpu/kernels.inl"

namespace modelpool::kernels::cpu {
extern const Kernels kernels_generic;
const Kernels kernels_generic = kKernels;
}  // namespace modelpool::kernels::cpu
