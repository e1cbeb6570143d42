// SPDX-License-Identifier: Apache-2.0
// Very many leases: none hangs, none is shared, no instance is lost. MODELPOOL_STRESS_CYCLES sets the number of cycles of
// each case (100000000 for the long run).
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "support/catch.hpp"
#include "support/pool_testing.hpp"

using namespace modelpool;
using namespace modelpool::test;

namespace {

struct Shape {
  int threads;
  std::size_t instances;
  std::uint64_t cycles;  // of a release build in CI
};

void run_cycles(Fairness fairness, const Shape& shape) {
  const std::uint64_t cycles = from_environment("MODELPOOL_STRESS_CYCLES", shape.cycles / kSlowdown);
  Population population;
  std::atomic<std::uint64_t> uses{0};
  PoolStats stats;
  {
    ModelPool<Probe> pool{[&] { return std::make_unique<Probe>(population); },
                          {.max_size = shape.instances, .fairness = fairness}};
    pool.warm_up(shape.instances);
    std::atomic<std::int64_t> left{static_cast<std::int64_t>(cycles)};
    const Watchdog dog = watch(pool);
    const auto escaped = run_threads(shape.threads, [&](int) {
      constexpr std::int64_t kBatch = 256;
      std::uint64_t mine = 0;
      while (left.fetch_sub(kBatch) > 0)
        for (std::int64_t i = 0; i < kBatch; ++i, ++mine) {
          const auto lease = pool.acquire({.timeout = std::nullopt});
          const auto use = lease->use();
        }
      uses += mine;
    });
    CHECK(escaped.empty());
    stats = pool.stats();
    std::uint64_t counted = 0;
    auto all = pool.acquire_exclusive();
    counted += all->uses;
    std::vector<Lease<Probe>> rest;
    for (std::size_t i = 1; i < shape.instances; ++i) {
      rest.push_back(pool.acquire());
      counted += rest.back()->uses;
    }
    CHECK(counted == uses.load());  // the instances' own, unsynchronised counters: no use was lost to another
  }
  INFO(summary(stats));
  CHECK(uses.load() >= cycles);
  CHECK(stats.requests == uses.load());
  CHECK(stats.direct + stats.waited == uses.load());
  CHECK(stats.idle == shape.instances);
  CHECK(consistent(stats));
  CHECK(population.constructed.load() == shape.instances);
  CHECK(population.misuses.load() == 0);
  CHECK(population.alive() == 0);
}

}  // namespace

TEST_CASE("in order, 2 threads share 1 instance for very many leases", "[stress][pool][cycles]") {
  run_cycles(Fairness::fifo, {2, 1, 200'000});
}
TEST_CASE("in order, 2 threads use 2 instances for very many leases", "[stress][pool][cycles]") {
  run_cycles(Fairness::fifo, {2, 2, 10'000'000});
}
TEST_CASE("in order, 8 threads share 4 instances for very many leases", "[stress][pool][cycles]") {
  run_cycles(Fairness::fifo, {8, 4, 3'000'000});
}
TEST_CASE("in order, 30 threads share 4 instances for very many leases", "[stress][pool][cycles]") {
  run_cycles(Fairness::fifo, {30, 4, 2'000'000});
}
TEST_CASE("for throughput, 2 threads share 1 instance for very many leases", "[stress][pool][cycles]") {
  run_cycles(Fairness::throughput, {2, 1, 5'000'000});
}
TEST_CASE("for throughput, 2 threads use 2 instances for very many leases", "[stress][pool][cycles]") {
  run_cycles(Fairness::throughput, {2, 2, 10'000'000});
}
TEST_CASE("for throughput, 8 threads share 4 instances for very many leases", "[stress][pool][cycles]") {
  run_cycles(Fairness::throughput, {8, 4, 5'000'000});
}
TEST_CASE("for throughput, 30 threads share 4 instances for very many leases", "[stress][pool][cycles]") {
  run_cycles(Fairness::throughput, {30, 4, 5'000'000});
}
