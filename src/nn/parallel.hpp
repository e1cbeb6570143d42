// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <omp.h>

#include <cstdint>

namespace modelpool::nn {

/// Calls work(i, thread) for i in [0, count), on up to `threads` threads of the calling thread's own team, one item at
/// a time to whoever is free. `work` must not throw. One thread: no team is touched.
template <class Work>
void parallel_for(std::int64_t count, int threads, const Work& work) {
  if (threads <= 1 || count <= 1) {
    for (std::int64_t i = 0; i < count; ++i) work(i, 0);
    return;
  }
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
  for (std::int64_t i = 0; i < count; ++i) work(i, omp_get_thread_num());
}

}  // namespace modelpool::nn
