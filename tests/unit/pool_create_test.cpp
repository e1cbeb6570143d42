// SPDX-License-Identifier: Apache-2.0
// How instances come to be, and what happens when they do not.
#include <atomic>
#include <chrono>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "modelpool/pool/model_pool.hpp"
#include "modelpool/testing/mock_instance.hpp"
#include "support/catch.hpp"
#include "support/threads.hpp"

using namespace modelpool;
using namespace std::chrono_literals;
using modelpool::testing::Gate;
using modelpool::testing::MockFactory;
using modelpool::testing::MockInstance;
using Pool = ModelPool<MockInstance>;

TEST_CASE("a burst of short requests is served by the first instances, not by one instance each", "[pool][create]") {
  MockFactory factory;
  factory.set_delay(150ms);
  Pool pool(factory, {.max_size = 50});
  std::vector<std::thread> threads;
  for (int i = 0; i < 50; ++i)
    threads.emplace_back([&] {
      auto lease = pool.acquire({.timeout = 30s});
      std::this_thread::sleep_for(2ms);
    });
  for (auto& thread : threads) thread.join();
  CHECK(pool.close(10s));
  CHECK(factory.counters->created <= 8);
}

TEST_CASE("a creation that outlasts its caller's timeout is not lost", "[pool][create]") {
  MockFactory factory;
  const auto gate = std::make_shared<Gate>();
  factory.set_gate(gate);
  Pool pool(factory, {.max_size = 1});
  try {
    (void)pool.acquire({.timeout = 10ms});
    FAIL("the factory cannot have delivered");
  } catch (const AcquireTimeout& error) {
    CHECK(error.stage == AcquireStage::create);
  }
  REQUIRE(gate->wait_for_waiting(1));  // on a busy machine its thread may start after the timeout
  CHECK(pool.stats().creating == 1);
  gate->open();
  pool.warm_up(1);
  CHECK(factory.calls() == 1);
  CHECK(pool.try_acquire().has_value());
}

TEST_CASE("a factory that sleeps delays no hand-off", "[pool][create]") {
  MockFactory factory;
  Pool pool(factory, {.max_size = 2});
  pool.warm_up(1);
  const auto gate = std::make_shared<Gate>();
  factory.set_gate(gate);
  auto lease = pool.acquire();
  std::atomic<std::int64_t> released_at = 0, served_at = 0;
  const auto now = [] { return std::chrono::steady_clock::now().time_since_epoch().count(); };
  std::thread waiter([&] {
    auto mine = pool.acquire({.timeout = 20s});
    served_at = now();
  });
  REQUIRE(gate->wait_for_waiting(1));
  released_at = now();
  lease.release();
  waiter.join();
  CHECK(pool.stats().creating == 1);
  gate->open();
  WARN("release to acquire: " << (served_at - released_at) / 1000 << " us");
  CHECK(served_at - released_at < 200'000'000);
}

TEST_CASE("at most max_concurrent_creates factory calls run at once", "[pool][create]") {
  std::atomic<int> inside = 0, peak = 0;
  ModelPool<int> pool(
      [&] {
        const int now = ++inside;
        if (now > peak) peak = now;
        std::this_thread::sleep_for(5ms);
        --inside;
        return std::make_unique<int>(0);
      },
      {.max_size = 6, .max_concurrent_creates = 2});
  pool.warm_up(6);
  CHECK(peak <= 2);
  CHECK(pool.stats().idle == 6);
}

TEST_CASE("a failed creation is told to one caller, with its cause, and tried again for the others", "[pool][create]") {
  MockFactory factory;
  factory.fail(1);
  Pool pool(factory, {.max_size = 1, .create_backoff = 1ms});
  std::atomic<int> failed = 0, served = 0, described = 0, nested = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i)
    threads.emplace_back([&] {
      try {
        auto lease = pool.acquire({.timeout = 20s});
        ++served;
      } catch (const CreateFailed& error) {
        ++failed;
        described += describe(error.cause) == "the mock factory was told to fail";
        nested += throws<std::runtime_error>([&] { std::rethrow_if_nested(error); });
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(failed == 1);
  CHECK(described == 1);
  CHECK(nested == 1);
  CHECK(served == 2);
  CHECK(pool.stats().create_failed == 1);
  CHECK(pool.stats().failed == 1);
  CHECK(pool.stats().last_create_error == "the mock factory was told to fail");
}

TEST_CASE("failures in a row are spaced out more and more", "[pool][create]") {
  MockFactory factory;
  factory.fail(1'000'000);
  Pool pool(factory, {.max_size = 1, .create_backoff = 10ms, .create_backoff_max = 80ms});
  const auto end = std::chrono::steady_clock::now() + 400ms;
  while (std::chrono::steady_clock::now() < end) {
    try {
      (void)pool.acquire({.timeout = 500ms});
    } catch (const CreateFailed&) {
    }
  }
  CHECK(factory.calls() >= 4);
  CHECK(factory.calls() <= 12);  // 10 + 20 + 40 + 80 + 80 + 80 + 80 ms
}

TEST_CASE("a timeout while the factory fails tells its last failure", "[pool][create]") {
  MockFactory factory;
  factory.fail(1'000'000);
  Pool pool(factory, {.max_size = 1, .create_backoff = 10s});
  CHECK_THROWS_AS((void)pool.acquire({.timeout = 10s}), CreateFailed);
  try {
    (void)pool.acquire({.timeout = 5ms});
    FAIL("nothing was created");
  } catch (const AcquireTimeout& error) {
    CHECK(error.stage == AcquireStage::create);
    CHECK(std::string(error.what()).find("the factory failed last with: the mock factory was told to fail") !=
          std::string::npos);
  }
}

TEST_CASE("a factory that gives nothing has failed", "[pool][create]") {
  ModelPool<int> pool([] { return std::unique_ptr<int>(); }, {.max_size = 1});
  CHECK_THROWS_WITH((void)pool.acquire(), Catch::Matchers::Contains("the factory returned null"));
}

TEST_CASE("a factory call beyond create_timeout is given up, and used should it deliver later", "[pool][create]") {
  MockFactory factory;
  const auto gate = std::make_shared<Gate>();
  factory.set_gate(gate);
  Pool pool(factory, {.max_size = 1, .create_backoff = 10s, .create_backoff_max = 10s, .create_timeout = 20ms});
  CHECK_THROWS_AS((void)pool.acquire({.timeout = 20s}), CreateFailed);
  CHECK(pool.stats().size == 0);
  CHECK(pool.stats().create_timeouts == 1);
  CHECK(pool.stats().last_create_error == "the factory took longer than create_timeout (20 ms)");
  gate->open();
  auto lease = pool.acquire({.timeout = 20s});
  CHECK(lease->serial() == 1);
}

TEST_CASE("pauses at the end of the clock's range are pauses", "[pool][create]") {
  ModelPool<int> pool([]() -> std::unique_ptr<int> { throw std::runtime_error("down"); },
                      {.max_size = 1, .create_backoff = 1ns, .create_backoff_max = std::chrono::nanoseconds::max()});
  for (int i = 0; i < 3; ++i) CHECK_THROWS_AS((void)pool.acquire(), CreateFailed);
  ModelPool<int> rare([]() -> std::unique_ptr<int> { throw std::runtime_error("down"); },
                      {.max_size = 1,
                       .create_backoff = std::chrono::nanoseconds::max(),
                       .create_backoff_max = std::chrono::nanoseconds::max()});
  CHECK_THROWS_AS((void)rare.acquire(), CreateFailed);
  CHECK_THROWS_AS((void)rare.acquire({.timeout = 20ms}), AcquireTimeout);
  CHECK(rare.stats().create_failed == 1);
}

TEST_CASE("a hung factory blocks neither leases nor the callers that can do without it", "[pool][create]") {
  MockFactory factory;
  Pool pool(factory, {.max_size = 3, .max_concurrent_creates = 1});
  pool.warm_up(1);
  const auto gate = std::make_shared<Gate>();
  factory.set_gate(gate);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) pool.acquire({.timeout = 20s})->run();
    });
  for (auto& thread : threads) thread.join();
  CHECK(pool.stats().idle == 1);
  CHECK(pool.stats().creating <= 1);
  gate->open();
}

TEST_CASE("warm_up creates ahead and refuses more than fits", "[pool][create]") {
  MockFactory factory;
  Pool pool(factory, {.max_size = 2});
  pool.warm_up(2);
  CHECK(pool.stats().idle == 2);
  CHECK_THROWS_WITH(pool.warm_up(3), "warm_up is 3, but must be at most max_size (2)");
  factory.fail(1);
  pool.shrink(0);
  CHECK_THROWS_AS(pool.warm_up(1), CreateFailed);
}

TEST_CASE("an empty factory is refused when the pool is made", "[pool][create]") {
  CHECK_THROWS_AS(ModelPool<int>({}, {.max_size = 1}), InvalidOptions);
}
