// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

namespace modelpool::cli {

/// Calls body(i) for each i below `size`, on up to `threads` threads, the caller's among them, in rising order of i.
/// After `stop` is requested no new i is begun. The first exception of a body ends the loop and is thrown here.
template <class Body>
void parallel_for(std::size_t size, std::size_t threads, std::stop_token stop, const Body& body) {
  std::atomic<std::size_t> next{0};
  std::mutex mutex;  // protects failure
  std::exception_ptr failure;
  const auto work = [&] {
    try {
      for (std::size_t i = next.fetch_add(1); i < size && !stop.stop_requested(); i = next.fetch_add(1)) body(i);
    } catch (...) {
      next.store(size);  // the others stop after what they are at
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> helpers;
    for (std::size_t t = 1; t < std::min(threads, size); ++t) helpers.emplace_back(work);
    work();
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace modelpool::cli
