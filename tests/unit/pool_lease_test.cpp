// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "modelpool/pool/model_pool.hpp"
#include "modelpool/testing/mock_instance.hpp"
#include "support/catch.hpp"
#include "support/threads.hpp"

using namespace modelpool;
using namespace std::chrono_literals;
using modelpool::testing::MockFactory;
using modelpool::testing::MockInstance;
using Pool = ModelPool<MockInstance>;

TEST_CASE("a pool creates nothing before it is asked", "[pool]") {
  MockFactory factory;
  Pool pool(factory, {.max_size = 2});
  CHECK(factory.calls() == 0);
  CHECK(pool.stats().size == 0);
  CHECK_FALSE(pool.try_acquire().has_value());
  CHECK(factory.calls() == 0);
}

TEST_CASE("a lease gives the instance and returns it at the end of its scope", "[pool]") {
  MockFactory factory;
  Pool pool(factory, {.max_size = 2});
  {
    auto lease = pool.acquire();
    lease->run();
    CHECK(pool.stats().leased == 1);
  }
  CHECK(pool.stats().leased == 0);
  CHECK(pool.stats().idle == 1);
  CHECK(pool.acquire()->serial() == 1);
  CHECK(factory.counters->created == 1);
}

TEST_CASE("a lease cannot be copied, and an instance cannot be had without one", "[pool]") {
  STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<Lease<MockInstance>>);
  STATIC_REQUIRE_FALSE(std::is_copy_assignable_v<Lease<MockInstance>>);
  STATIC_REQUIRE(std::is_nothrow_move_constructible_v<Lease<MockInstance>>);
  STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<Pool>);
}

TEST_CASE("a moved-from lease is empty and ends nothing", "[pool]") {
  Pool pool(MockFactory{}, {.max_size = 1});
  auto first = pool.acquire();
  auto second = std::move(first);
  CHECK_FALSE(first);
  first.release();
  CHECK(pool.stats().leased == 1);
  second = pool.try_acquire().value_or(Lease<MockInstance>{});
  CHECK(pool.stats().leased == 0);
}

TEST_CASE("release ends a lease early and only once", "[pool]") {
  Pool pool(MockFactory{}, {.max_size = 1});
  auto lease = pool.acquire();
  lease.release();
  lease.release();
  CHECK_FALSE(lease);
  CHECK(pool.stats().idle == 1);
}

TEST_CASE("destroy_after_use destroys the instance when the lease ends", "[pool]") {
  MockFactory factory;
  Pool pool(factory, {.max_size = 1});
  { const auto lease = pool.acquire({.destroy_after_use = true}); }
  CHECK(factory.counters->destroyed == 1);
  CHECK(pool.stats().size == 0);
  CHECK(pool.stats().destroyed_by[static_cast<std::size_t>(DestroyReason::requested)] == 1);
  CHECK(pool.acquire()->serial() == 2);
}

TEST_CASE("a detached instance leaves the pool and makes room", "[pool]") {
  MockFactory factory;
  Pool pool(factory, {.max_size = 1});
  const std::unique_ptr<MockInstance> mine = pool.acquire().detach();
  REQUIRE(mine);
  CHECK(pool.stats().size == 0);
  CHECK(pool.stats().detached == 1);
  CHECK(pool.acquire()->serial() == 2);
  CHECK(factory.counters->destroyed == 0);
}

TEST_CASE("a lease outlives its pool and destroys its instance when it ends", "[pool]") {
  MockFactory factory;
  auto pool = std::make_unique<Pool>(factory, PoolOptions<MockInstance>{.max_size = 2});
  auto lease = pool->acquire();
  pool.reset();
  lease->run();
  CHECK(factory.counters->destroyed == 0);
  lease.release();
  CHECK(factory.counters->destroyed == factory.counters->created);
}

TEST_CASE("acquire times out with its stage, the time waited and the pool's counts", "[pool]") {
  Pool pool(MockFactory{}, {.max_size = 1, .name = "engine"});
  const auto lease = pool.acquire();
  std::optional<AcquireTimeout> error;
  std::thread([&] {
    try {
      (void)pool.acquire({.timeout = 20ms});
    } catch (const AcquireTimeout& caught) {
      error.emplace(caught.stage, caught.waited, caught.stats);
    }
  }).join();
  REQUIRE(error.has_value());
  CHECK(error->code() == "acquire_timeout");
  CHECK(error->stage == AcquireStage::wait);
  CHECK(error->waited >= 20ms);
  CHECK(error->stats.leased == 1);
  CHECK(std::string(error->what())
            .find("while waiting (pool 'engine': size=1 leased=1 idle=0 waiting=0); raise max_size "
                  "or timeout") != std::string::npos);
  CHECK(pool.stats().timeouts == 1);
}

TEST_CASE("a triggered stop token ends a waiting acquire", "[pool]") {
  Pool pool(MockFactory{}, {.max_size = 1});
  const auto lease = pool.acquire();
  std::stop_source source;
  bool waiter_ok = false;
  std::thread waiter([&] { waiter_ok = throws<Cancelled>([&] { (void)pool.acquire({.stop = source.get_token()}); }); });
  while (pool.stats().waiting == 0) std::this_thread::yield();
  source.request_stop();
  waiter.join();
  CHECK(waiter_ok);
  CHECK(pool.stats().cancelled == 1);
  CHECK(pool.stats().waiting == 0);
}

TEST_CASE("a thread that holds every instance is told at once that it would wait for itself", "[pool]") {
  Pool pool(MockFactory{}, {.max_size = 2});
  const auto first = pool.acquire(), second = pool.acquire();
  CHECK_THROWS_AS((void)pool.acquire(), DeadlockError);
  CHECK(pool.stats().rejected == 1);
}

TEST_CASE("moving a lease away clears the mark of the thread that acquired it", "[pool]") {
  Pool pool(MockFactory{}, {.max_size = 1});
  auto lease = pool.acquire();
  std::thread worker([held = std::move(lease)]() mutable {
    std::this_thread::sleep_for(20ms);
    held.release();
  });
  CHECK(pool.acquire({.timeout = 10s}).waited() > 0ns);
  worker.join();
}

TEST_CASE("closed pools refuse callers and send waiting ones away", "[pool]") {
  MockFactory factory;
  Pool pool(factory, {.max_size = 1});
  auto lease = pool.acquire();
  bool waiter_ok = false;
  std::thread waiter([&] { waiter_ok = throws<PoolClosed>([&] { (void)pool.acquire(); }); });
  while (pool.stats().waiting == 0) std::this_thread::yield();
  CHECK_FALSE(pool.close(1ms));
  waiter.join();
  CHECK(waiter_ok);
  CHECK_THROWS_AS((void)pool.acquire(), PoolClosed);
  lease.release();
  CHECK(pool.close(0ms));
  CHECK(factory.counters->destroyed == 1);
  CHECK(pool.stats().closed);
}

TEST_CASE("options out of range are refused with field, value and bound", "[pool]") {
  CHECK_THROWS_WITH(Pool(MockFactory{}, {}), "max_size is 0, but must be from 1 to 65535");
  CHECK_THROWS_WITH(Pool(MockFactory{}, {.max_size = 1, .min_idle = 2}), "min_idle is 2, but must be at most max_size");
  CHECK_THROWS_AS(Pool(MockFactory{}, {.max_size = 1, .max_age = 0ns}), InvalidOptions);
}
