// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/kernels.hpp"

namespace modelpool::kernels::cpu {

extern const Kernels kernels_generic;
#ifdef MODELPOOL_KERNELS_X86
extern const Kernels kernels_avx2;
extern const Kernels kernels_avx512;
#endif

KernelList available() noexcept {
  KernelList list{};
#ifdef MODELPOOL_KERNELS_X86
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl")) {
    list.items[list.count++] = &kernels_avx512;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) list.items[list.count++] = &kernels_avx2;
#endif
  list.items[list.count++] = &kernels_generic;
  return list;
}

const Kernels& best() noexcept {
  static const Kernels& kernels = *available().items[0];
  return kernels;
}

}  // namespace modelpool::kernels::cpu
