// SPDX-License-Identifier: Apache-2.0
#include "modelpool/pool/stats.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "modelpool/pool/model_pool.hpp"
#include "support/catch.hpp"
#include "support/threads.hpp"

using namespace modelpool;
using namespace std::chrono_literals;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("stats as JSON carry the members and the old names for the same facts", "[pool][stats]") {
  ModelPool<int> pool([] { return std::make_unique<int>(0); }, {.max_size = 4, .name = "a \"b\""});
  pool.warm_up(2);
  const auto lease = pool.acquire();
  const std::string json = pool.stats().to_json();
  for (const char* part :
       {"\"name\":\"a \\\"b\\\"\"", "\"size\":2", "\"leased\":1", "\"idle\":1", "\"max_instances\":4",
        "\"available\":1", "\"pool_size\":2", "\"total_requests\":1", "\"avg_wait_time\":0.0", "\"max_wait_time\":0.0",
        "\"available_models\":1", "\"busy_models\":1", "\"max_size_reason\":\"option\"", "\"created\":2"}) {
    CAPTURE(part, json);
    CHECK(contains(json, part));
  }
}

TEST_CASE("every request is counted once, as what became of it", "[pool][stats]") {
  ModelPool<int> pool([] { return std::make_unique<int>(0); }, {.max_size = 1});
  pool.warm_up(1);
  { const auto lease = pool.acquire(); }
  {
    const auto lease = pool.acquire();
    CHECK_THROWS_AS((void)pool.acquire(), DeadlockError);
    CHECK(in_thread([&] { return throws<AcquireTimeout>([&] { (void)pool.acquire({.timeout = 1ms}); }); }));
  }
  const PoolStats stats = pool.stats();
  CHECK(stats.direct == 2);
  CHECK(stats.waited == 0);
  CHECK(stats.timeouts == 1);
  CHECK(stats.rejected == 1);
  CHECK(stats.requests == 4);
  CHECK(stats.waiting_peak == 1);
}

TEST_CASE("waits and holds are measured", "[pool][stats]") {
  ModelPool<int> pool([] { return std::make_unique<int>(0); }, {.max_size = 1, .timing = Timing::every});
  pool.warm_up(1);
  auto lease = pool.acquire();
  bool waiter_ok = false;
  std::thread waiter([&] { waiter_ok = static_cast<bool>(pool.acquire({.timeout = 20s}).waited() >= 1ms); });
  while (pool.stats().waiting == 0) std::this_thread::yield();
  std::this_thread::sleep_for(5ms);
  lease.release();
  waiter.join();
  CHECK(waiter_ok);
  const PoolStats stats = pool.stats();
  CHECK(stats.wait.count == 2);
  CHECK(stats.wait.maximum >= 1ms);
  CHECK(stats.wait.average >= 500us);
  CHECK(stats.wait.average <= stats.wait.maximum);
  CHECK(stats.hold.count == 2);
  CHECK(stats.hold.maximum >= 5ms);
  CHECK(stats.hold.histogram.total() == 2);
  CHECK(stats.create.count == 1);
}

TEST_CASE("sampled holds stand for those that were not measured", "[pool][stats]") {
  ModelPool<int> pool([] { return std::make_unique<int>(0); }, {.max_size = 1});
  pool.warm_up(1);
  for (int i = 0; i < 1000; ++i) pool.acquire().release();
  const PoolStats stats = pool.stats();
  CHECK(stats.direct == 1000);
  CHECK(stats.hold.count > 980);
  CHECK(stats.hold.count <= 1000);
}

TEST_CASE("long holds are measured one by one", "[pool][stats]") {
  ModelPool<int> pool([] { return std::make_unique<int>(0); }, {.max_size = 1});
  for (int i = 0; i < 5; ++i) {
    const auto lease = pool.acquire();
    std::this_thread::sleep_for(1ms);
  }
  CHECK(pool.stats().hold.count == 5);
  CHECK(pool.stats().hold.average >= 1ms);
}

TEST_CASE("with timing off no clock is read and no hold is told", "[pool][stats]") {
  ModelPool<int> pool([] { return std::make_unique<int>(0); }, {.max_size = 1, .timing = Timing::off});
  pool.acquire().release();
  CHECK(pool.stats().hold.count == 0);
  CHECK_THROWS_AS((ModelPool<int>([] { return std::make_unique<int>(0); },
                                  {.max_size = 1, .leak_after = 1s, .timing = Timing::off})),
                  InvalidOptions);
}

TEST_CASE("a quantile is the upper bound of its bucket", "[stats]") {
  DurationHistogram histogram;
  CHECK(histogram.quantile(0.5) == 0ns);
  ++histogram.counts[DurationHistogram::bucket_of(1000)];
  CHECK(histogram.quantile(0.99) == 1024ns);
  histogram.counts[DurationHistogram::bucket_of(1'000'000)] += 99;
  CHECK(histogram.quantile(0.01) == 1024ns);
  CHECK(histogram.quantile(0.5) == std::chrono::nanoseconds(1 << 20));
  CHECK(DurationHistogram::bucket_of(0) == 0);
  CHECK(DurationHistogram::bucket_of(~std::uint64_t{0}) == DurationHistogram::kBuckets - 1);
}

TEST_CASE("every reason to destroy has a name", "[stats]") {
  CHECK(std::string(to_string(DestroyReason::requested)) == "requested");
  CHECK(std::string(to_string(DestroyReason::closed)) == "closed");
}
