// SPDX-License-Identifier: Apache-2.0
#include "modelpool/pool/sizer.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "support/catch.hpp"

using namespace modelpool;

namespace {

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

bool is(const SizeDecision& decision, std::size_t instances, SizeReason reason) {
  return decision.instances == instances && decision.reason == reason;
}

}  // namespace

TEST_CASE("where nothing is known the setting decides", "[sizer]") {
  CHECK(is(size_pool({.setting = 4}), 4, SizeReason::setting));
  CHECK(is(size_pool({.setting = 0}), 1, SizeReason::setting));
}

TEST_CASE("a model that only two threads speed up gets two instances", "[sizer]") {
  std::vector<std::size_t> tried;
  const auto throughput = measure_throughput(8, 0.05, [&](std::size_t instances) {
    tried.push_back(instances);
    return 100.0 * static_cast<double>(std::min<std::size_t>(instances, 2));
  });
  CHECK(tried == std::vector<std::size_t>{1, 2, 3});  // one more, to see that it is of no use
  CHECK(is(size_pool({.setting = 8, .throughput = throughput}), 2, SizeReason::throughput));
}

TEST_CASE("a model that nothing speeds up gets one instance", "[sizer]") {
  const auto throughput = measure_throughput(8, 0.05, [](std::size_t) { return 100.0; });
  CHECK(throughput.size() == 2);
  CHECK(is(size_pool({.setting = 8, .throughput = throughput}), 1, SizeReason::throughput));
}

TEST_CASE("a model that scales gets as many as the setting allows", "[sizer]") {
  const auto throughput = measure_throughput(3, 0.05, [](std::size_t n) { return 100.0 * static_cast<double>(n); });
  CHECK(is(size_pool({.setting = 3, .throughput = throughput}), 3, SizeReason::setting));
}

TEST_CASE("memory bounds the size, whether estimated or measured, and says which", "[sizer]") {
  // 10 GiB, of which a tenth is left to others: 1 GiB of weights and 4 instances of 2 GiB.
  MemoryBudget memory{.available_bytes = 10 * kGiB, .shared_bytes = kGiB, .instance_bytes = 2 * kGiB};
  CHECK(is(size_pool({.setting = 8, .memory = memory}), 4, SizeReason::estimate));
  memory.measured = true;
  CHECK(is(size_pool({.setting = 8, .memory = memory}), 4, SizeReason::memory));
  CHECK(is(size_pool({.setting = 4, .memory = memory}), 4, SizeReason::setting));
  CHECK(is(size_pool({.setting = 8, .memory = memory, .reserve = 0}), 4, SizeReason::memory));
}

TEST_CASE("the least bound holds", "[sizer]") {
  const std::vector<double> knee_at_two{100, 190, 191};
  const MemoryBudget for_one{
      .available_bytes = 3 * kGiB, .shared_bytes = kGiB, .instance_bytes = kGiB, .measured = true};
  CHECK(is(size_pool({.setting = 8, .memory = for_one, .throughput = knee_at_two}), 1, SizeReason::memory));
  CHECK(is(size_pool({.setting = 8, .throughput = knee_at_two}), 2, SizeReason::throughput));
}

TEST_CASE("one instance is the least, even where there is no room for it", "[sizer]") {
  CHECK(memory_bound({.available_bytes = 0, .shared_bytes = kGiB, .instance_bytes = kGiB}, 0.1) == 1);
  CHECK(memory_bound({.available_bytes = kGiB, .shared_bytes = kGiB / 2, .instance_bytes = kGiB}, 0.1) == 1);
  CHECK(memory_bound({.available_bytes = 1000, .shared_bytes = 0, .instance_bytes = 0}, 0) == 1000);
}

TEST_CASE("the size for a number of callers is about a seventh to a tenth of it, at most six", "[sizer]") {
  CHECK(for_callers(0) == 1);
  CHECK(for_callers(1) == 1);
  CHECK(for_callers(10) == 2);
  CHECK(for_callers(20) == 3);
  CHECK(for_callers(30) == 4);
  CHECK(for_callers(40) == 5);
  CHECK(for_callers(50) == 6);
  CHECK(for_callers(1'000'000) == 6);
}
