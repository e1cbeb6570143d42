// SPDX-License-Identifier: Apache-2.0
// Catch2's assertions are for the test's own thread: others return what they saw.
#pragma once

#include <thread>
#include <utility>

/// Whether function() throws an Exception; other exceptions pass.
template <class Exception, class F>
bool throws(F&& function) {
  try {
    std::forward<F>(function)();
    return false;
  } catch (const Exception&) {
    return true;
  }
}

/// What function() returns on a thread of its own, as a truth value.
template <class F>
bool in_thread(F&& function) {
  bool result = false;
  std::thread([&] { result = static_cast<bool>(function()); }).join();
  return result;
}
