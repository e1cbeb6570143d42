// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace modelpool::detail {

/// Calls work() on `count` threads at once, the caller's among them, and waits for all.
/// @throws the first exception that left a work(), after all have ended
template <class Work>
void on_threads(std::size_t count, const Work& work) {
  std::mutex mutex;
  std::exception_ptr failure;  // guarded by mutex
  const auto guarded = [&] {
    try {
      work();
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> threads;
    threads.reserve(count);
    try {
      while (threads.size() + 1 < count) threads.emplace_back(guarded);
    } catch (const std::system_error&) {
      // The system has no thread to give: the work is done by those there are.
    }
    guarded();
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace modelpool::detail
