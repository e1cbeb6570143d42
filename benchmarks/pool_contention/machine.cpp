// SPDX-License-Identifier: Apache-2.0
#include "machine.hpp"

#include <gnu/libc-version.h>
#include <oneapi/tbb/version.h>
#include <sched.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <sstream>

#include "build_info.hpp"

namespace pool_contention {
namespace {

std::uint64_t read_clock_ns(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

unsigned usable_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof set, &set) == 0 ? static_cast<unsigned>(CPU_COUNT(&set)) : 1U;
}

std::string processor_name() {
  std::ifstream cpuinfo{"/proc/cpuinfo"};
  for (std::string line; std::getline(cpuinfo, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

// Ticks of USER_HZ that the CPUs were not idle: all columns of /proc/stat's first line but idle and iowait. The last two
// (guest time) are part of the first two.
std::uint64_t busy_ticks() {
  std::ifstream stat{"/proc/stat"};
  std::string label;
  stat >> label;
  std::uint64_t sum = 0;
  for (int column = 0; column < 8; ++column) {
    std::uint64_t value = 0;
    stat >> value;
    if (column != 3 && column != 4) sum += value;
  }
  return sum;
}

// /proc/stat counts every CPU, also those that this process may not use.
unsigned online_cpus() { return static_cast<unsigned>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN))); }

}  // namespace

Machine describe_machine() {
  utsname system{};
  uname(&system);
  return {
    .processor = processor_name(), .cpus = usable_cpus(), .kernel = std::string{system.sysname} + ' ' + system.release,
#if defined(__clang__)
    .compiler = "clang " __clang_version__,
#else
    .compiler = "g++ " __VERSION__,
#endif
    .libraries = std::string{"glibc "} + gnu_get_libc_version() + ", oneTBB " TBB_VERSION_STRING +
                 ", concurrentqueue " + build_info::kConcurrentqueue,
    .commit = build_info::kCommit, .build_type = build_info::kBuildType, .date = utc_now()
  };
}

OthersMeter::OthersMeter()
    : busy_start_(busy_ticks()),
      own_start_ns_(read_clock_ns(CLOCK_PROCESS_CPUTIME_ID)),
      wall_start_ns_(read_clock_ns(CLOCK_MONOTONIC)) {}

double OthersMeter::share() const {
  const double ns_per_tick = 1e9 / static_cast<double>(sysconf(_SC_CLK_TCK));
  const double busy_ns = static_cast<double>(busy_ticks() - busy_start_) * ns_per_tick;
  const auto own_ns = static_cast<double>(read_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - own_start_ns_);
  const auto wall_ns = static_cast<double>(read_clock_ns(CLOCK_MONOTONIC) - wall_start_ns_);
  return std::clamp((busy_ns - own_ns) / (wall_ns * online_cpus()), 0.0, 1.0);
}

}  // namespace pool_contention
