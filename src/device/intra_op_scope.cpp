// SPDX-License-Identifier: Apache-2.0
#include "device/intra_op_scope.hpp"

#include <ATen/Parallel.h>
#include <dlfcn.h>
#include <omp.h>

namespace modelpool {
namespace {

using SetMklThreads = int (*)(int);

/// MKL is inside LibTorch, without a header; a LibTorch built with another BLAS does not have it. The name in this case
/// takes its argument by value (the one in lower case is Fortran's and takes an address).
SetMklThreads find_mkl_set_threads() noexcept {
  constexpr const char* kName = "MKL_Set_Num_Threads_Local";
  void* const torch = ::dlopen("libtorch_cpu.so", RTLD_LAZY | RTLD_NOLOAD);  // also where LibTorch was loaded privately
  void* const function = ::dlsym(torch ? torch : RTLD_DEFAULT, kName);
  return reinterpret_cast<SetMklThreads>(function);
}

int set_mkl_threads(int threads) noexcept {
  static const SetMklThreads set = find_mkl_set_threads();
  return set ? set(threads) : 0;
}

/// ATen sets a thread's OpenMP number the first time that the thread computes, which would undo ours. It remembers that it
/// has done so once for each shared object that contains at::parallel_for: here, and in LibTorch itself.
void initialise_aten_threads() {
  at::internal::lazy_init_num_threads();
  (void)at::get_num_threads();
}

}  // namespace

IntraOpScope::IntraOpScope(int threads) noexcept {
  initialise_aten_threads();
  openmp_before_ = ::omp_get_max_threads();
  ::omp_set_num_threads(threads);
  mkl_before_ = set_mkl_threads(threads);
}

IntraOpScope::~IntraOpScope() {
  ::omp_set_num_threads(openmp_before_);
  set_mkl_threads(mkl_before_);
}

}  // namespace modelpool
