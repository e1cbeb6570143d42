// SPDX-License-Identifier: Apache-2.0
#include "modelpool/device/memory.hpp"

#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "device/control_groups.hpp"
#include "device/cuda_module.hpp"
#include "modelpool/error.hpp"

namespace modelpool {
namespace {

namespace fs = std::filesystem;
using detail::number_at;
using detail::number_in;
using detail::text_of;

/// The number behind `key` at the start of a line.
std::optional<std::uint64_t> field(std::string_view text, std::string_view key) {
  for (std::size_t line = 0; line < text.size();) {
    const auto end = std::min(text.find('\n', line), text.size());
    const auto content = text.substr(line, end - line);
    if (content.starts_with(key)) return number_at(content.substr(key.size()));
    line = end + 1;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> kilobytes(std::string_view text, std::string_view key) {
  const auto number = field(text, key);
  return number ? std::optional{*number * 1024} : std::nullopt;
}

/// The names of the files of one version of control groups.
struct ControlGroupFiles {
  const char* limit;
  const char* usage;
  const char* reclaimable;  // field of memory.stat: file pages that the system drops first
};

constexpr ControlGroupFiles kVersion1{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file "};
constexpr ControlGroupFiles kVersion2{"memory.max", "memory.current", "inactive_file "};

/// Narrows `amount` to what the group in `folder` leaves; "max" and absent files limit nothing.
void narrow(MemoryAmount& amount, const fs::path& folder, const ControlGroupFiles& files) {
  const auto limit = number_in(folder / files.limit);
  if (!limit) return;
  const auto usage = number_in(folder / files.usage).value_or(0);
  const auto reclaimable = field(text_of(folder / "memory.stat"), files.reclaimable).value_or(0);
  const auto used = usage - std::min(usage, reclaimable);
  amount.total_bytes = std::min(amount.total_bytes, *limit);
  amount.available_bytes = std::min(amount.available_bytes, *limit - std::min(*limit, used));
}

}  // namespace

MemoryProbe::MemoryProbe(fs::path root) : root_(std::move(root)) {}

MemoryAmount MemoryProbe::host() const {
  const auto meminfo = text_of(root_ / "proc/meminfo");
  MemoryAmount amount{.total_bytes = kilobytes(meminfo, "MemTotal:").value_or(0),
                      .available_bytes = kilobytes(meminfo, "MemAvailable:").value_or(0)};
  detail::for_each_control_group(root_, "memory", [&](const fs::path& folder, detail::ControlGroupVersion version) {
    narrow(amount, folder, version == detail::ControlGroupVersion::v1 ? kVersion1 : kVersion2);
  });
  return amount;
}

ProcessMemory MemoryProbe::process() const {
  const auto rollup = text_of(root_ / "proc/self/smaps_rollup");
  if (const auto resident = kilobytes(rollup, "Rss:")) return {*resident, kilobytes(rollup, "Pss:")};
  const auto statm = text_of(root_ / "proc/self/statm");  // in pages: size resident ...
  const auto resident_pages = number_at(std::string_view{statm}.substr(std::min(statm.find(' '), statm.size())));
  return {resident_pages.value_or(0) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)), std::nullopt};
}

MemoryAmount MemoryProbe::of(Device device) const {
  if (device.kind == Device::Kind::cpu) return host();
  if (device.kind == Device::Kind::automatic)
    throw InvalidOptions{"device", "auto", "resolved (resolve_device) before its memory is measured"};
  const auto resolved = resolve_device(device);
  const auto* const cuda = detail::cuda_module().interface;
  MemoryAmount amount;
  if (cuda->memory(resolved.index, &amount.available_bytes, &amount.total_bytes) != 0)
    throw DeviceError{to_string(resolved),
                      fmt::format("the memory of {} cannot be measured: {}", to_string(resolved), cuda->last_error())};
  return amount;
}

void empty_device_cache() {
#ifdef __GLIBC__
  ::malloc_trim(0);
#endif
  const auto* const cuda = detail::cuda_module().interface;
  if (cuda && cuda->empty_cache() != 0)
    throw DeviceError{"cuda", fmt::format("the cache of the CUDA devices cannot be emptied: {}", cuda->last_error())};
}

}  // namespace modelpool
