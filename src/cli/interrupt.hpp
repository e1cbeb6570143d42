// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>
#include <thread>

namespace modelpool::cli {

/// Ctrl-C: the first one asks the work to stop, the second one ends the process with 130 at once.
///
/// To be made before any other thread, which then leave the signal to this object. Where SIGINT is ignored from the start
/// (a background job of a shell without job control), it stays ignored.
/// Thread safety: the observers may be called from any thread.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  [[nodiscard]] std::stop_token token() const noexcept { return stop_.get_token(); }
  [[nodiscard]] bool triggered() const noexcept { return stop_.stop_requested(); }
  /// Becomes readable at the first Ctrl-C, and stays so; for poll().
  [[nodiscard]] int wake_fd() const noexcept { return wake_fd_; }

 private:
  void watch();

  std::stop_source stop_;
  int signal_fd_ = -1;
  int wake_fd_ = -1;
  int quit_fd_ = -1;
  std::thread watcher_;
};

}  // namespace modelpool::cli
