// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace modelpool {

/// While it lives, operators that the calling thread starts use at most `threads` threads; other threads keep what they
/// have. LibTorch has no such setting: at::set_num_threads is remembered for the whole process, and MKL asks for its own
/// number and not for OpenMP's. Both numbers are restored at the end.
///
/// OpenMP keeps a team of threads for every thread that ever computed with more than one: 16 callers with 2 threads each
/// make 32 threads, of which 16 sleep between operators.
///
/// Scopes nest. Thread safety: made and destroyed on one thread; any number of threads have their own.
class IntraOpScope {
 public:
  /// @param threads  at least 1, the calling thread included
  explicit IntraOpScope(int threads) noexcept;
  ~IntraOpScope();
  IntraOpScope(const IntraOpScope&) = delete;
  IntraOpScope& operator=(const IntraOpScope&) = delete;

 private:
  int openmp_before_;
  int mkl_before_;  // 0: the thread followed MKL's number for the process
};

}  // namespace modelpool
