// SPDX-License-Identifier: Apache-2.0
#include "modelpool/device/processors.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "device/control_groups.hpp"
#include "modelpool/pool/detail/platform.hpp"

namespace modelpool {
namespace {

namespace fs = std::filesystem;
using detail::ControlGroupVersion;

/// Time that a group may use in each period, in microseconds.
struct Quota {
  std::uint64_t time = 0;
  std::uint64_t period = 0;
};

/// @return  nullopt where the group limits nothing: "max", -1, and files that are absent or damaged
std::optional<Quota> quota_of(const fs::path& folder, ControlGroupVersion version) {
  std::optional<std::uint64_t> time;
  std::optional<std::uint64_t> period;
  if (version == ControlGroupVersion::v1) {
    time = detail::number_in(folder / "cpu.cfs_quota_us");
    period = detail::number_in(folder / "cpu.cfs_period_us");
  } else {
    const auto text = detail::text_of(folder / "cpu.max");  // "TIME PERIOD"
    time = detail::number_at(text);
    period = detail::number_at(std::string_view{text}.substr(std::min(text.find(' '), text.size())));
  }
  if (!time || !period || *period == 0) return std::nullopt;
  return Quota{*time, *period};
}

}  // namespace

std::size_t available_processors(const fs::path& root) {
  std::size_t processors = detail::RealPlatform::processors();
  detail::for_each_control_group(root, "cpu", [&](const fs::path& folder, ControlGroupVersion version) {
    if (const auto quota = quota_of(folder, version))
      processors = std::min(processors, static_cast<std::size_t>(quota->time / quota->period));
  });
  return std::max<std::size_t>(1, processors);
}

}  // namespace modelpool
