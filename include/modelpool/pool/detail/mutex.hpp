// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>

#include "modelpool/detail/thread_annotations.hpp"

namespace modelpool::detail {

/// std::mutex as a capability that clang's thread safety analysis knows (libstdc++'s is not one).
class MODELPOOL_CAPABILITY("mutex") Mutex {
 public:
  void lock() MODELPOOL_ACQUIRE() { mutex_.lock(); }
  void unlock() MODELPOOL_RELEASE() { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

template <class M>
class MODELPOOL_SCOPED_CAPABILITY LockGuard {
 public:
  explicit LockGuard(M& mutex) MODELPOOL_ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~LockGuard() MODELPOOL_RELEASE() { mutex_.unlock(); }
  LockGuard(const LockGuard&) = delete;
  LockGuard& operator=(const LockGuard&) = delete;

 private:
  M& mutex_;
};

}  // namespace modelpool::detail
