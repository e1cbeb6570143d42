// SPDX-License-Identifier: Apache-2.0
#include "cli/interrupt.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>

namespace modelpool::cli {
namespace {

bool is_ignored(int signal) {
  struct sigaction action {};
  return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

void raise_event(int fd) {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto n =
      ::write(fd, &one, sizeof one);  // an eventfd takes a 1 unless it is full, and then it is readable
}

}  // namespace

Interrupt::Interrupt() {
  wake_fd_ = ::eventfd(0, EFD_CLOEXEC);
  if (is_ignored(SIGINT)) return;
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  signal_fd_ = ::signalfd(-1, &signals, SFD_CLOEXEC);
  quit_fd_ = ::eventfd(0, EFD_CLOEXEC);
  if (signal_fd_ < 0 || quit_fd_ < 0) return;  // Ctrl-C then ends the process as it does by default
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  watcher_ = std::thread([this] { watch(); });
}

Interrupt::~Interrupt() {
  if (watcher_.joinable()) {
    raise_event(quit_fd_);
    watcher_.join();
  }
  for (const int fd : {signal_fd_, wake_fd_, quit_fd_})
    if (fd >= 0) ::close(fd);
}

void Interrupt::watch() {
  for (;;) {
    std::array<pollfd, 2> fds{pollfd{signal_fd_, POLLIN, 0}, pollfd{quit_fd_, POLLIN, 0}};
    if (::poll(fds.data(), fds.size(), -1) < 0) continue;
    if (fds[1].revents != 0) return;
    signalfd_siginfo info{};
    if (::read(signal_fd_, &info, sizeof info) != sizeof info) continue;
    if (stop_.stop_requested()) ::_exit(130);
    stop_.request_stop();  // first: who is woken asks whether it was triggered
    raise_event(wake_fd_);
  }
}

}  // namespace modelpool::cli
