// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/kernels.hpp"

#ifdef MODELPOOL_KERNELS_X86
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <cstdlib>
#include <string_view>

namespace modelpool::kernels::cpu {

extern const Kernels kernels_generic;
#ifdef MODELPOOL_KERNELS_X86
extern const Kernels kernels_avx2;
extern const Kernels kernels_avx512;
#ifdef MODELPOOL_KERNELS_NEWER  // the compiler knows the instructions of these
extern const Kernels kernels_avx512_vnni;
extern const Kernels kernels_avx512_bf16;
extern const Kernels kernels_amx;
#endif
#endif

namespace {

#ifdef MODELPOOL_KERNELS_X86
bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}

#ifdef MODELPOOL_KERNELS_NEWER
// Tiles are state that a process must ask the system for before it uses them (Linux: Documentation/arch/x86/xstate.rst).
bool may_use_tiles() {
  constexpr long kRequestPermission = 0x1023, kTileData = 18;
  constexpr unsigned kTiles = 1U << 24, kBfloat16 = 1U << 22;
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0 || (d & kTiles) == 0 || (d & kBfloat16) == 0) return false;
  return ::syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}
#endif
#endif

// MODELPOOL_KERNELS names the best set that may be used, to compare sets on one machine.
bool is_wanted(const Kernels& kernels, bool& found) {
  static const char* const name = std::getenv("MODELPOOL_KERNELS");
  found = found || name == nullptr || *name == '\0' || std::string_view(kernels.name) == name;
  return found;
}

KernelList find_kernels() {
  KernelList list{};
  bool found = false;
  const auto add = [&](const Kernels& kernels, bool there) {
    if (is_wanted(kernels, found) && there) list.items[list.count++] = &kernels;
  };
#ifdef MODELPOOL_KERNELS_X86
  [[maybe_unused]] const bool avx512 = has_avx512();
#ifdef MODELPOOL_KERNELS_NEWER
  const bool vnni = avx512 && __builtin_cpu_supports("avx512vnni");
  const bool bf16 = vnni && __builtin_cpu_supports("avx512bf16");
  // Intel's processors multiply bfloat16 without tiles at half the speed of float32: there, that set comes last.
  const bool slow_bf16 = __builtin_cpu_is("intel") != 0;
  add(kernels_amx, bf16 && may_use_tiles());
  add(kernels_avx512_bf16, bf16 && !slow_bf16);
  add(kernels_avx512_vnni, vnni);
  add(kernels_avx512_bf16, bf16 && slow_bf16);
#endif
  add(kernels_avx512, avx512);
  add(kernels_avx2, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"));
#endif
  found = true;
  add(kernels_generic, true);
  return list;
}

}  // namespace

const KernelList& available() noexcept {
  static const KernelList list = find_kernels();
  return list;
}

const Kernels& best() noexcept {
  static const Kernels& kernels = *available().items[0];
  return kernels;
}

}  // namespace modelpool::kernels::cpu
