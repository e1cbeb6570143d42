// SPDX-License-Identifier: Apache-2.0
// How long callers wait. Bounds on medians are tight, those on single values leave room for a busy machine.
#include <algorithm>
#include <atomic>
#include <memory>
#include <vector>

#include "support/catch.hpp"
#include "support/pool_testing.hpp"

using namespace modelpool;
using namespace modelpool::test;

namespace {

nanoseconds median(std::vector<nanoseconds> times) {
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

// From the release of the only instance to the return of the acquire that waited for it. The release comes when somebody
// waits and `ready` holds.
template <class Ready>
nanoseconds hand_off(ModelPool<Probe>& pool, const Ready& ready) {
  auto lease = pool.acquire();
  Clock::time_point got;
  std::jthread waiter([&] {
    const auto mine = pool.acquire();
    got = Clock::now();
  });
  REQUIRE(eventually([&] { return pool.stats().waiting == 1 && ready(); }));
  const auto released = Clock::now();
  lease.release();
  waiter.join();
  return got - released;
}

void check_hand_off_while_factory_sleeps(Fairness fairness) {
  Population population;
  Gate factory;
  std::atomic<int> calls{0};
  ModelPool<Probe> pool{[&] {
                          if (calls.fetch_add(1) > 0) factory.pass();
                          return std::make_unique<Probe>(population);
                        },
                        {.max_size = 2, .fairness = fairness}};
  const OpenAtEnd open(factory);
  pool.warm_up(1);
  std::vector<nanoseconds> times;
  // The first waiter is the reason for a second instance, which is under way from then on.
  const auto factory_sleeps = [&] { return factory.waiting() == 1; };
  for (int i = 0; i < 101; ++i) times.push_back(hand_off(pool, factory_sleeps));
  CHECK(factory_sleeps());
  CHECK(median(times) <= 1ms * kSlowdown);
  CHECK(*std::max_element(times.begin(), times.end()) <= 1s);
}

}  // namespace

TEST_CASE("in order, a released instance reaches the next caller within 1 ms while the factory sleeps",
          "[stress][pool][latency]") {
  check_hand_off_while_factory_sleeps(Fairness::fifo);
}
TEST_CASE("for throughput, a released instance reaches the next caller within 1 ms while the factory sleeps",
          "[stress][pool][latency]") {
  check_hand_off_while_factory_sleeps(Fairness::throughput);
}

TEST_CASE("a spike of 50 requests creates at most 8 instances where creating takes 150 ms and using 2 ms",
          "[stress][pool][latency]") {
  Population population;
  ModelPool<Probe> pool{[&] {
                          std::this_thread::sleep_for(150ms);
                          return std::make_unique<Probe>(population);
                        },
                        {.max_size = 50, .max_concurrent_creates = 4}};
  const Watchdog dog = watch(pool);
  const auto escaped = run_threads(50, [&](int) {
    const auto lease = pool.acquire();
    const auto use = lease->use();
    std::this_thread::sleep_for(2ms);
  });
  CHECK(escaped.empty());
  CHECK(population.constructed.load() <= 8);
  CHECK(pool.stats().waited + pool.stats().direct == 50);
}

TEST_CASE("30 callers with 40 ms of work each on 4 instances need 8 rounds of 40 ms", "[stress][pool][latency]") {
  constexpr auto kWork = 40ms;
  Population population;
  ModelPool<Probe> pool{[&] { return std::make_unique<Probe>(population); }, {.max_size = 4}};
  pool.warm_up(4);
  std::atomic<bool> go{false};
  std::atomic<int> ready{0};
  Clock::time_point start;
  const Watchdog dog = watch(pool);
  std::jthread starter([&] {
    (void)eventually([&] { return ready.load() == 30; });
    start = Clock::now();
    go = true;
    go.notify_all();
  });
  const auto escaped = run_threads(30, [&](int) {
    ++ready;
    go.wait(false);
    const auto lease = pool.acquire();
    const auto use = lease->use();
    std::this_thread::sleep_for(kWork);
  });
  const auto took = Clock::now() - start;
  CHECK(escaped.empty());
  CHECK(took >= 8 * kWork);  // ceil(30 / 4)
  CHECK(took <= 8 * kWork + 200ms * kSlowdown);
  CHECK(pool.stats().created == 4);
}

TEST_CASE("a timeout is never early, and late by little", "[stress][pool][latency]") {
  Population population;
  ModelPool<Probe> pool{[&] { return std::make_unique<Probe>(population); }, {.max_size = 1}};
  const auto held = pool.acquire();
  std::vector<nanoseconds> late;
  std::atomic<int> early{0};
  const auto escaped = run_threads(1, [&](int) {  // the holder itself would be told of a deadlock
    for (int i = 0; i < 101; ++i) {
      const auto timeout = nanoseconds(i * 20'000);
      const auto start = Clock::now();
      try {
        const auto lease = pool.acquire({.timeout = timeout});
      } catch (const AcquireTimeout& error) {
        const auto took = Clock::now() - start;
        if (took < timeout || error.waited < timeout || error.waited > took) ++early;
        late.push_back(took - timeout);
      }
    }
  });
  CHECK(escaped.empty());
  CHECK(early.load() == 0);
  REQUIRE(late.size() == 101);
  CHECK(median(late) <= 2ms * kSlowdown);
  CHECK(*std::max_element(late.begin(), late.end()) <= 2s);
}

TEST_CASE("for throughput, the first waiter is not passed for longer than max_bypass", "[stress][pool][latency]") {
  Population population;
  ModelPool<Probe> pool{[&] { return std::make_unique<Probe>(population); },
                        {.max_size = 1, .fairness = Fairness::throughput, .max_bypass = 1ms}};
  std::atomic<bool> stop{false};
  std::vector<nanoseconds> waits;
  const Watchdog dog = watch(pool);
  const auto escaped = run_threads(3, [&](int i) {
    if (i > 0) {  // two threads that never leave the instance alone
      while (!stop.load()) {
        const auto lease = pool.acquire();
        const auto use = lease->use();
      }
      return;
    }
    for (int n = 0; n < 50; ++n) {
      const auto start = Clock::now();
      const auto lease = pool.acquire();
      waits.push_back(Clock::now() - start);
    }
    stop = true;
  });
  CHECK(escaped.empty());
  REQUIRE(waits.size() == 50);
  CHECK(median(waits) <= 5ms * kSlowdown);
}
