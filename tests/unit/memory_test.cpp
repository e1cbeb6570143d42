// SPDX-License-Identifier: Apache-2.0
#include "modelpool/device/memory.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "modelpool/device/processors.hpp"
#include "modelpool/error.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace modelpool;
using modelpool::test::TemporaryFolder;

namespace {

constexpr std::uint64_t kMiB = 1 << 20;

/// A root with 1000 MiB of memory, of which 600 are available.
class FakeSystem {
 public:
  FakeSystem() {
    write("proc/meminfo", "MemTotal:        1024000 kB\nMemFree:          1 kB\nMemAvailable:     614400 kB\n");
  }
  void write(const std::string& file, const std::string& text) const {
    std::filesystem::create_directories((folder_.path() / file).parent_path());
    folder_.write(file, text);
  }
  MemoryAmount host() const { return MemoryProbe{folder_.path()}.host(); }
  std::size_t processors() const { return available_processors(folder_.path()); }
  ProcessMemory process() const { return MemoryProbe{folder_.path()}.process(); }

 private:
  TemporaryFolder folder_;
};

std::string mib(std::uint64_t n) { return std::to_string(n * kMiB) + "\n"; }

}  // namespace

TEST_CASE("without control groups the host's memory is the machine's", "[device]") {
  const auto amount = FakeSystem{}.host();
  CHECK(amount.total_bytes == 1000 * kMiB);
  CHECK(amount.available_bytes == 600 * kMiB);
}

TEST_CASE("a limit of control groups v2 narrows it, with reclaimable pages counted as free", "[device]") {
  const FakeSystem system;
  system.write("proc/self/cgroup", "0::/a/b\n");
  system.write("sys/fs/cgroup/a/b/memory.max", mib(200));
  system.write("sys/fs/cgroup/a/b/memory.current", mib(150));
  system.write("sys/fs/cgroup/a/b/memory.stat", "anon 1\ninactive_file " + mib(50) + "active_file 7\n");
  CHECK(system.host().total_bytes == 200 * kMiB);
  CHECK(system.host().available_bytes == 100 * kMiB);
}

TEST_CASE("the tightest of the groups above a process binds it", "[device]") {
  const FakeSystem system;
  system.write("proc/self/cgroup", "0::/a/b\n");
  system.write("sys/fs/cgroup/a/b/memory.max", "max\n");
  system.write("sys/fs/cgroup/a/memory.max", mib(300));
  system.write("sys/fs/cgroup/a/memory.current", mib(290));
  CHECK(system.host().total_bytes == 300 * kMiB);
  CHECK(system.host().available_bytes == 10 * kMiB);
}

TEST_CASE("in a container the limit is at the root of the groups, whatever the path says", "[device]") {
  const FakeSystem system;
  const std::string path = GENERATE("/", "/docker/0123456789ab");
  system.write("proc/self/cgroup", "0::" + path + "\n");
  system.write("sys/fs/cgroup/memory.max", mib(128));
  system.write("sys/fs/cgroup/memory.current", mib(28));
  CHECK(system.host().total_bytes == 128 * kMiB);
  CHECK(system.host().available_bytes == 100 * kMiB);
}

TEST_CASE("a limit of control groups v1 narrows it", "[device]") {
  const FakeSystem system;
  system.write("proc/self/cgroup", "12:cpuset:/x\n5:memory,hugetlb:/a\n1:name=systemd:/a\n0::/a\n");
  system.write("sys/fs/cgroup/memory/a/memory.limit_in_bytes", mib(400));
  system.write("sys/fs/cgroup/memory/a/memory.usage_in_bytes", mib(100));
  system.write("sys/fs/cgroup/memory/a/memory.stat", "inactive_file 1\ntotal_inactive_file " + mib(40));
  system.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");  // v1's word for no limit
  CHECK(system.host().total_bytes == 400 * kMiB);
  CHECK(system.host().available_bytes == 340 * kMiB);
}

TEST_CASE("a group that is over its limit leaves nothing", "[device]") {
  const FakeSystem system;
  system.write("proc/self/cgroup", "0::/\n");
  system.write("sys/fs/cgroup/memory.max", mib(10));
  system.write("sys/fs/cgroup/memory.current", mib(11));
  CHECK(system.host().available_bytes == 0);
}

TEST_CASE("files that are absent or not numbers limit nothing", "[device]") {
  const FakeSystem system;
  system.write("proc/self/cgroup", "nonsense\n:\n0::/a\n");
  system.write("sys/fs/cgroup/a/memory.max", "\n");
  CHECK(system.host().available_bytes == 600 * kMiB);
  CHECK(MemoryProbe{"/nonexistent"}.host().total_bytes == 0);
}

TEST_CASE("the process's memory is read from the roll-up, else from statm", "[device]") {
  const FakeSystem system;
  system.write("proc/self/statm", "900 10 5 1 0 7 0\n");
  CHECK(system.process().resident_bytes == 10 * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
  CHECK_FALSE(system.process().proportional_bytes.has_value());
  system.write("proc/self/smaps_rollup",
               "5581-7ffe ---p 00000000 00:00 0 [rollup]\nRss:   2048 kB\nPss:   1024 kB\nPss_Anon: 7 kB\n");
  CHECK(system.process().resident_bytes == 2 * kMiB);
  CHECK(system.process().proportional_bytes == kMiB);
}

TEST_CASE("this machine has memory and this process uses some of it", "[device]") {
  const auto host = MemoryProbe{}.host();
  CHECK(host.total_bytes > 0);
  CHECK(host.available_bytes > 0);
  CHECK(host.available_bytes <= host.total_bytes);
  const auto process = MemoryProbe{}.process();
  CHECK(process.resident_bytes > kMiB);
  CHECK(process.proportional_bytes.value_or(1) <= process.resident_bytes);
}

TEST_CASE("the memory of a device is asked for by its resolved name", "[device]") {
  CHECK(MemoryProbe{}.of(Device::cpu()).total_bytes == MemoryProbe{}.host().total_bytes);
  CHECK_THROWS_AS(MemoryProbe{}.of(Device::automatic()), InvalidOptions);
  CHECK_THROWS_AS(MemoryProbe{}.of(Device::cuda(cuda_device_count())), DeviceError);
}

TEST_CASE("emptying the cache gives freed memory back to the system", "[device]") {
  // Blocks below the size that malloc maps by itself stay with it when they are freed under a last one that is kept.
  constexpr std::size_t kBlock = 64 << 10;
  std::vector<std::unique_ptr<char[]>> blocks;
  for (int i = 0; i < 1000; ++i) {
    blocks.push_back(std::make_unique<char[]>(kBlock));
    std::memset(blocks.back().get(), 1, kBlock);
  }
  const auto kept = std::move(blocks.back());
  blocks.clear();
  const auto before = MemoryProbe{}.process().resident_bytes;
  empty_device_cache();
  const auto after = MemoryProbe{}.process().resident_bytes;
  CHECK(after + 40 * kMiB < before);
}

TEST_CASE("without control groups a process has the processors that it may run on", "[device]") {
  CHECK(FakeSystem{}.processors() >= 1);
  CHECK(FakeSystem{}.processors() == available_processors("/nowhere"));
}

TEST_CASE("a quota of control groups v2 leaves whole processors, at least one", "[device]") {
  const FakeSystem system;
  const auto all = system.processors();
  system.write("proc/self/cgroup", "0::/a/b\n");
  system.write("sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
  CHECK(system.processors() == all);
  system.write("sys/fs/cgroup/a/b/cpu.max", "9900000 100000\n");
  CHECK(system.processors() == std::min<std::size_t>(all, 99));
  system.write("sys/fs/cgroup/a/cpu.max", "190000 100000\n");  // the group above counts as well
  CHECK(system.processors() == 1);
  system.write("sys/fs/cgroup/a/cpu.max", "5000 100000\n");
  CHECK(system.processors() == 1);
}

TEST_CASE("a quota of control groups v1 is read from the folder of its controller", "[device]") {
  const FakeSystem system;
  const auto all = system.processors();
  system.write("proc/self/cgroup", "4:cpu,cpuacct:/a\n3:memory:/b\n");
  system.write("sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "-1\n");
  system.write("sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "100000\n");
  CHECK(system.processors() == all);
  system.write("sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "100000\n");
  CHECK(system.processors() == 1);
}

TEST_CASE("a quota that is no quota limits nothing", "[device]") {
  const FakeSystem system;
  const auto all = system.processors();
  system.write("proc/self/cgroup", "0::/a\n");
  for (const std::string text : {"", "100000", "100000 0", "x y", "100000 ", "99999999999999999999999 1"}) {
    system.write("sys/fs/cgroup/a/cpu.max", text);
    CHECK(system.processors() == all);
  }
}
