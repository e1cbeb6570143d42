// SPDX-License-Identifier: Apache-2.0
// Leases and pools that end in unusual places.
#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/pool_testing.hpp"

using namespace modelpool;
using namespace modelpool::test;

TEST_CASE("leases that end while their pool is being destroyed are safe", "[stress][pool][lifetime]") {
  Population population;
  for (int i = 0; i < 1000 / kSlowdown; ++i) {
    auto pool = std::make_unique<ModelPool<Probe>>([&] { return std::make_unique<Probe>(population); },
                                                   PoolOptions<Probe>{.max_size = 3});
    pool->warm_up(3);
    std::atomic<bool> go{false};
    std::vector<std::jthread> users;
    for (int user = 0; user < 3; ++user)
      users.emplace_back([&go, user, lease = pool->acquire()]() mutable {
        while (!go.load()) std::this_thread::yield();
        if (user == 0) return lease.destroy();
        if (user == 1) return (void)lease.detach();
        lease.release();
      });
    go = true;
    pool.reset();
    users.clear();
    REQUIRE(population.alive() == 0);
  }
  CHECK(population.misuses.load() == 0);
}

TEST_CASE("an instance may be used and destroyed by threads that did not acquire it", "[stress][pool][lifetime]") {
  Population population;
  ModelPool<Probe> pool{[&] { return std::make_unique<Probe>(population); }, {.max_size = 2}};
  for (int i = 0; i < 300; ++i) {
    auto lease = pool.acquire();
    auto future = std::async(std::launch::async, [i, moved = std::move(lease)]() mutable {
      const auto use = moved->use();
      return i % 2 == 0 ? std::move(moved) : Lease<Probe>{};
    });
    auto back = future.get();
    if (i % 4 == 0) back.destroy();
  }
  CHECK(population.misuses.load() == 0);
  CHECK(pool.stats().leased == 0);
}

TEST_CASE("an exclusive lease may outlive its pool", "[stress][pool][lifetime]") {
  Population population;
  auto pool = std::make_unique<ModelPool<Probe>>([&] { return std::make_unique<Probe>(population); },
                                                 PoolOptions<Probe>{.max_size = 2});
  pool->warm_up(2);
  auto all = std::make_optional(pool->acquire_exclusive());
  auto second = std::make_optional(all->acquire());
  pool.reset();
  CHECK(population.alive() == 2);
  { const auto use = (*all)->use(); }
  all.reset();
  CHECK(population.alive() == 1);
  second.reset();
  CHECK(population.alive() == 0);
}

TEST_CASE("a lease that ends by an exception after its pool is gone destroys its instance",
          "[stress][pool][lifetime]") {
  Population population;
  auto pool = std::make_unique<ModelPool<Probe>>([&] { return std::make_unique<Probe>(population); },
                                                 PoolOptions<Probe>{.max_size = 1});
  try {
    const auto lease = pool->acquire();
    pool.reset();
    throw std::runtime_error("while leased");
  } catch (const std::runtime_error&) {
  }
  CHECK(population.alive() == 0);
}

TEST_CASE("run judges an exception also after its pool is gone", "[stress][pool][lifetime]") {
  Population population;
  auto pool = std::make_unique<ModelPool<Probe>>([&] { return std::make_unique<Probe>(population); },
                                                 PoolOptions<Probe>{.max_size = 1});
  auto lease = pool->acquire();
  pool.reset();
  CHECK_THROWS_AS(lease.run([](Probe&) { throw std::runtime_error("while leased"); }), std::runtime_error);
  lease.release();
  CHECK(population.alive() == 0);
}

TEST_CASE("an exception that a lease does not see does not retire its instance", "[stress][pool][lifetime]") {
  struct InDestructor {
    ModelPool<Probe>& pool;
    ~InDestructor() { (void)pool.acquire(); }
  };
  Population population;
  ModelPool<Probe> pool{[&] { return std::make_unique<Probe>(population); }, {.max_size = 1}};
  pool.warm_up(1);
  try {
    const InDestructor cleaner{pool};
    throw std::runtime_error("elsewhere");
  } catch (const std::runtime_error&) {
  }
  CHECK(pool.stats().destroyed == 0);
}

TEST_CASE("many short pools with background threads leave nothing behind", "[stress][pool][lifetime]") {
  Population population;
  for (int i = 0; i < 300 / kSlowdown; ++i) {
    ModelPool<Probe> pool{[&] { return std::make_unique<Probe>(population); },
                          {.max_size = 4,
                           .min_idle = 2,
                           .max_concurrent_creates = 2,
                           .idle_timeout = 1ms,
                           .max_age = 2ms,
                           .create_timeout = 50ms,
                           .leak_after = 1ms}};
    if (i % 2 == 0) (void)pool.acquire();
  }
  CHECK(population.alive() == 0);
}
