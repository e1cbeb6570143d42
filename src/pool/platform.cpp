// SPDX-License-Identifier: Apache-2.0
#include "modelpool/pool/detail/platform.hpp"

#include <cxxabi.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <chrono>
#include <cstddef>
#include <system_error>
#include <thread>

namespace modelpool::detail {
namespace {

static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t) &&
                  std::atomic<std::uint32_t>::is_always_lock_free,
              "a futex is a plain 32-bit word");

// Whether the time stamp counter runs at a constant rate on all cores (Intel SDM vol. 3, "Invariant TSC").
bool has_invariant_tsc() noexcept {
#if defined(__x86_64__)
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(0x80000007U, &a, &b, &c, &d) != 0 && (d & (1U << 8)) != 0;
#else
  return false;
#endif
}

// 200 µs: two clock reads of about 20 ns each make an error of 0.02 %.
StampClock calibrate() noexcept {
  if (!has_invariant_tsc()) return {};
  const Nanos start = RealPlatform::now();
  const std::uint64_t first = RealPlatform::stamp(true);
  Nanos end = start;
  while (end - start < 200'000) end = RealPlatform::now();
  const std::uint64_t ticks = RealPlatform::stamp(true) - first;
  if (ticks == 0) return {};
  return {.tsc = true, .nanos_per_tick = static_cast<double>(end - start) / static_cast<double>(ticks)};
}

long futex(std::atomic<std::uint32_t>& word, int operation, std::uint32_t value, const timespec* until) noexcept {
  return syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), operation | FUTEX_PRIVATE_FLAG, value, until,
                 nullptr, FUTEX_BITSET_MATCH_ANY);
}

// The runtime's record of a thread begins with a pointer and this count (Itanium C++ ABI, exception handling, 2.2.2,
// struct __cxa_eh_globals); libstdc++ keeps it in thread-local storage for the life of the thread.
const unsigned* uncaught_counter() noexcept {
  const auto* globals = reinterpret_cast<const std::byte*>(__cxxabiv1::__cxa_get_globals());
  return reinterpret_cast<const unsigned*>(globals + sizeof(void*));
}

}  // namespace

void open_thread_cache(ThreadCache& cache) noexcept {
  static std::atomic<std::uint64_t> next{1};
  const auto system_id = static_cast<std::uint64_t>(syscall(SYS_gettid)) & ((1U << kSystemIdBits) - 1);
  cache.token = next.fetch_add(1, std::memory_order_relaxed) << kSystemIdBits | system_id;
  cache.uncaught = uncaught_counter();
}

Nanos RealPlatform::now() noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

StampClock RealPlatform::stamp_clock() noexcept {
  static const StampClock clock = calibrate();
  return clock;
}

void RealPlatform::wait(std::atomic<std::uint32_t>& word, std::uint32_t expected, Nanos deadline) noexcept {
  if (deadline == kNever) {
    futex(word, FUTEX_WAIT_BITSET, expected, nullptr);
    return;
  }
  // An absolute time of CLOCK_MONOTONIC, which is what steady_clock reads.
  const timespec until{.tv_sec = static_cast<time_t>(deadline / 1'000'000'000),
                       .tv_nsec = static_cast<long>(deadline % 1'000'000'000)};
  futex(word, FUTEX_WAIT_BITSET, expected, &until);
}

void RealPlatform::wake(std::atomic<std::uint32_t>& word) noexcept { futex(word, FUTEX_WAKE_BITSET, 1, nullptr); }

unsigned RealPlatform::processors() noexcept {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0) return static_cast<unsigned>(CPU_COUNT(&allowed));
  const unsigned all = std::thread::hardware_concurrency();
  return all == 0 ? 1 : all;
}

bool RealPlatform::spawn(void (*function)(void*), void* argument) noexcept {
  try {
    std::thread(function, argument).detach();
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

}  // namespace modelpool::detail
