// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

/// How many instances a pool should have: arithmetic alone. Who measures what it works with is named by each member.
namespace modelpool {

/// What decided a pool's size.
enum class SizeReason {
  option,      ///< a number in the options
  setting,     ///< Settings::model_pool_max_instances: neither memory nor throughput ask for less
  disabled,    ///< Settings::model_pool_enabled is false
  estimate,    ///< memory, as estimated before anything was loaded
  memory,      ///< memory, as measured
  throughput,  ///< more instances do not do more
};

/// @return  the enumerator's name, a literal
[[nodiscard]] constexpr std::string_view to_string(SizeReason reason) noexcept {
  switch (reason) {
    case SizeReason::option:
      return "option";
    case SizeReason::setting:
      return "setting";
    case SizeReason::disabled:
      return "disabled";
    case SizeReason::estimate:
      return "estimate";
    case SizeReason::memory:
      return "memory";
    case SizeReason::throughput:
      break;
  }
  return "throughput";
}

struct SizeDecision {
  std::size_t instances = 1;
  SizeReason reason = SizeReason::setting;
};

/// The memory that instances may take.
struct MemoryBudget {
  std::uint64_t available_bytes = 0;  ///< on the device, before the first instance
  std::uint64_t shared_bytes = 0;     ///< once for all instances: weights
  std::uint64_t instance_bytes = 0;   ///< of each: state and working memory at its peak
  bool measured = false;              ///< false: estimates
};

/// What is known of a model and its device. What is not known limits nothing.
struct SizerInput {
  std::size_t setting = 1;                  ///< most instances that the user allows, at least 1
  std::optional<MemoryBudget> memory = {};  ///< nullopt: unknown
  std::span<const double> throughput = {};  ///< [n - 1]: work per second with n instances that share the device
  double reserve = 0.1;                     ///< share of the available memory that is left to others
  double gain = 0.05;                       ///< what more instances must do more, to be worth their memory
};

/// @return  instances that fit, at least 1: one is needed to do anything, and to fail with a message
[[nodiscard]] constexpr std::size_t memory_bound(const MemoryBudget& memory, double reserve) noexcept {
  const auto usable = static_cast<std::uint64_t>(static_cast<double>(memory.available_bytes) * (1.0 - reserve));
  if (usable <= memory.shared_bytes) return 1;
  const auto each = std::max<std::uint64_t>(1, memory.instance_bytes);
  return std::max<std::size_t>(1, static_cast<std::size_t>((usable - memory.shared_bytes) / each));
}

/// @return  the fewest instances that reach the best throughput but for the share `gain`; nullopt: nothing was measured
[[nodiscard]] constexpr std::optional<std::size_t> throughput_knee(std::span<const double> throughput,
                                                                   double gain) noexcept {
  if (throughput.empty()) return std::nullopt;
  const double enough = *std::ranges::max_element(throughput) * (1.0 - gain);
  const auto knee = std::ranges::find_if(throughput, [&](double rate) { return rate >= enough; });
  return static_cast<std::size_t>(knee - throughput.begin()) + 1;
}

/// The least of three bounds, and which one it was. Of equal ones the setting is named, then the throughput.
[[nodiscard]] constexpr SizeDecision size_pool(const SizerInput& input) noexcept {
  SizeDecision decision{std::max<std::size_t>(1, input.setting), SizeReason::setting};
  if (const auto knee = throughput_knee(input.throughput, input.gain); knee && *knee < decision.instances)
    decision = {*knee, SizeReason::throughput};
  if (input.memory) {
    const auto bound = memory_bound(*input.memory, input.reserve);
    if (bound < decision.instances)
      decision = {bound, input.memory->measured ? SizeReason::memory : SizeReason::estimate};
  }
  return decision;
}

/// A starting point where nothing can be measured: 20 callers share 3 instances well, 30 share 4, 40 share 5, and more than
/// 6 were never worth their memory. Fewer callers: one instance for each ten, and one.
[[nodiscard]] constexpr std::size_t for_callers(std::size_t callers) noexcept {
  return std::clamp<std::size_t>(callers / 10 + 1, 1, 6);
}

/// Measures throughput with 1, 2, 3 … instances, until one more does not do more.
/// @param most     instances, at least 1
/// @param measure  (instances) -> work per second
/// @return         as SizerInput::throughput takes it
template <class Measure>
[[nodiscard]] std::vector<double> measure_throughput(std::size_t most, double gain, Measure&& measure) {
  std::vector<double> throughput;
  do {
    throughput.push_back(measure(throughput.size() + 1));
  } while (throughput.size() < most &&
           (throughput.size() == 1 || throughput.back() > *(throughput.end() - 2) * (1.0 + gain)));
  return throughput;
}

}  // namespace modelpool
