// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace pool_contention {

/// What a figure means nothing without.
struct Machine {
  std::string processor;
  unsigned cpus = 0;  ///< that this process may use
  std::string kernel;
  std::string compiler;
  std::string libraries;  ///< versions of libc, oneTBB and concurrentqueue
  std::string commit;     ///< of this repository when the program was built, "-dirty" with uncommitted changes
  std::string build_type;
  std::string date;  ///< UTC
};
Machine describe_machine();

/// How much of the machine others used over a span of time: other processes, and the hypervisor ("steal").
/// From /proc/stat, which counts in ticks of 10 ms: over 250 ms on two CPUs a share is known to about 2 %.
class OthersMeter {
 public:
  OthersMeter();  ///< the span starts
  /// @return  the others' share of all CPU time since construction, in [0, 1]; 0 where /proc/stat is not to be read
  [[nodiscard]] double share() const;

 private:
  std::uint64_t busy_start_;
  std::uint64_t own_start_ns_;
  std::uint64_t wall_start_ns_;
};

}  // namespace pool_contention
