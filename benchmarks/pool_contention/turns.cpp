// SPDX-License-Identifier: Apache-2.0
#include "turns.hpp"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

namespace pool_contention {
namespace {

/// Where a thread sleeps until the token comes; 0: no token.
struct alignas(128) Place {
  std::atomic<std::uint32_t> token{0};

  void take() noexcept {
    while (token.load(std::memory_order_acquire) == 0) futex(FUTEX_WAIT_PRIVATE, 0);
    token.store(0, std::memory_order_relaxed);
  }
  void give() noexcept {
    token.store(1, std::memory_order_release);
    futex(FUTEX_WAKE_PRIVATE, 1);
  }

 private:
  void futex(int operation, std::uint32_t value) noexcept {
    syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&token), operation, value, nullptr, nullptr, 0);
  }
};

void stay_on_first_cpu() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  pthread_getaffinity_np(pthread_self(), sizeof allowed, &allowed);
  std::size_t first = 0;
  while (first + 1 < CPU_SETSIZE && !CPU_ISSET(first, &allowed)) ++first;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  pthread_setaffinity_np(pthread_self(), sizeof one, &one);
}

}  // namespace

double turn_ns(std::size_t turns) {
  const std::size_t rounds = turns / kTurnThreads + 1;
  std::array<Place, kTurnThreads> places;
  Place finished;
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kTurnThreads; ++i) {
    threads.emplace_back([&, i] {
      stay_on_first_cpu();
      for (std::size_t round = 0; round < rounds; ++round) {
        places[i].take();
        const bool last = round + 1 == rounds && i + 1 == kTurnThreads;
        (last ? finished : places[(i + 1) % kTurnThreads]).give();
      }
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds{5});  // until all of them sleep
  const auto start = std::chrono::steady_clock::now();
  places[0].give();
  finished.take();
  const std::chrono::duration<double, std::nano> elapsed = std::chrono::steady_clock::now() - start;
  for (std::thread& thread : threads) thread.join();
  return elapsed.count() / static_cast<double>(rounds * kTurnThreads);
}

}  // namespace pool_contention
