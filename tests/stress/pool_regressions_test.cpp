// SPDX-License-Identifier: Apache-2.0
// Mistakes that other pools have made and repaired, each as a rule that holds here.
#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/pool_testing.hpp"

using namespace modelpool;
using namespace modelpool::test;

namespace {

// ---- the chosen waiter goes away ----

// One instance, its holder, a waiter that goes away at the moment of the release, and one that stays.
template <class GoAway>
void check_baton(Fairness fairness, int rounds, GoAway go_away) {
  Fixture fixture;
  ModelPool<Probe> pool{fixture.factory(), {.max_size = 1, .fairness = fairness}};
  const Watchdog dog = watch(pool);
  std::atomic<int> left{0}, served{0};
  std::mt19937 random(7);
  for (int i = 0; i < rounds; ++i) {
    auto held = pool.acquire({.timeout = std::nullopt});
    std::stop_source stop;
    std::atomic<bool> go{false};
    std::jthread leaver([&] {
      try {
        go_away(pool, stop.get_token());
      } catch (const Error&) {
        ++left;
      }
    });
    std::jthread stayer([&] {
      const auto lease = pool.acquire({.timeout = std::nullopt});
      const auto use = lease->use();
      ++served;
    });
    std::jthread canceller([&] {
      go.wait(false);
      stop.request_stop();
    });
    const auto before = pool.stats();
    if (before.waiting < 2) (void)eventually([&] { return pool.stats().waiting > 0; }, 1ms);
    go = true;
    go.notify_all();
    for (auto spin = random() % 2000; spin > 0; --spin) std::atomic_signal_fence(std::memory_order_seq_cst);
    held.release();
  }
  CHECK(served.load() == rounds);
  CHECK(fixture.population.misuses.load() == 0);
  CHECK(pool.stats().idle == 1);
}

}  // namespace

TEST_CASE("in order, a waiter that is cancelled while it is being served passes the instance on",
          "[stress][pool][regression]") {
  check_baton(Fairness::fifo, 2000 / kSlowdown, [](ModelPool<Probe>& pool, const std::stop_token& stop) {
    const auto lease = pool.acquire({.timeout = std::nullopt, .stop = stop});
    const auto use = lease->use();
  });
}

TEST_CASE("for throughput, a waiter that is cancelled while it is being served passes the instance on",
          "[stress][pool][regression]") {
  check_baton(Fairness::throughput, 2000 / kSlowdown, [](ModelPool<Probe>& pool, const std::stop_token& stop) {
    const auto lease = pool.acquire({.timeout = std::nullopt, .stop = stop});
    const auto use = lease->use();
  });
}

TEST_CASE("a waiter that times out while it is being served passes the instance on", "[stress][pool][regression]") {
  check_baton(Fairness::fifo, 2000 / kSlowdown, [](ModelPool<Probe>& pool, const std::stop_token&) {
    const auto lease = pool.acquire({.timeout = 60us});
    const auto use = lease->use();
  });
}

TEST_CASE("a caller for exclusive access that goes away lets the others pass again", "[stress][pool][regression]") {
  check_baton(Fairness::fifo, 2000 / kSlowdown, [](ModelPool<Probe>& pool, const std::stop_token& stop) {
    const auto all = pool.acquire_exclusive({.timeout = std::nullopt, .stop = stop});
    const auto use = all->use();
  });
}

// ---- closing ----

TEST_CASE("closing sends every waiting caller away, also while the factory hangs", "[stress][pool][regression]") {
  Fixture fixture;
  Gate factory;
  ModelPool<Probe> pool{[&] {
                          factory.pass();
                          return std::make_unique<Probe>(fixture.population);
                        },
                        {.max_size = 2}};
  const OpenAtEnd open(factory);
  std::atomic<int> closed{0};
  std::jthread closer([&] {
    (void)waiting(pool, 20);
    pool.close(0ns);
  });
  const Watchdog dog = watch(pool);
  const auto escaped = run_threads(20, [&](int i) {
    if (throws<PoolClosed>([&] {
          if (i % 5 == 0) {
            (void)pool.acquire_exclusive({.timeout = std::nullopt});
          } else {
            (void)pool.acquire({.timeout = std::nullopt});
          }
        }))
      ++closed;
  });
  CHECK(escaped.empty());
  CHECK(closed.load() == 20);
}

TEST_CASE("closing at any moment of a creation leaves no instance behind", "[stress][pool][regression]") {
  Fixture fixture;
  for (int i = 0; i < 1000 / kSlowdown; ++i) {
    ModelPool<Probe> pool{fixture.factory(), {.max_size = 3, .min_idle = 1, .max_concurrent_creates = 3}};
    const Watchdog dog = watch(pool);
    std::jthread closer([&] {
      std::this_thread::sleep_for(nanoseconds(i * 200));
      pool.close();
    });
    const auto escaped = run_threads(3, [&](int) { (void)throws<PoolClosed>([&] { (void)pool.acquire(); }); });
    closer.join();
    REQUIRE(escaped.empty());
    REQUIRE(pool.stats().size == 0);
    REQUIRE(fixture.population.alive() == 0);
  }
}

TEST_CASE("a closed pool is closed for every call, and may be closed again", "[stress][pool][regression]") {
  Fixture fixture;
  ModelPool<Probe> pool{fixture.factory(), {.max_size = 2}};
  pool.warm_up(2);
  CHECK(pool.close());
  CHECK(pool.close(0ns));
  CHECK(throws<PoolClosed>([&] { (void)pool.acquire(); }));
  CHECK(throws<PoolClosed>([&] { (void)pool.acquire_exclusive(); }));
  CHECK(throws<PoolClosed>([&] { pool.warm_up(1); }));
  CHECK_FALSE(pool.try_acquire());
  pool.resize(4);
  pool.pause();
  pool.resume();
  CHECK(pool.shrink(0).destroyed == 0);
  CHECK(pool.stats().size == 0);
  CHECK(fixture.population.alive() == 0);
}

TEST_CASE("close answers in time while a lease is out, and says so", "[stress][pool][regression]") {
  Fixture fixture;
  ModelPool<Probe> pool{fixture.factory(), {.max_size = 2}};
  auto lease = pool.acquire();
  const auto start = Clock::now();
  CHECK_FALSE(pool.close(20ms));
  const auto took = Clock::now() - start;
  CHECK(took >= 20ms);
  CHECK(took <= 5s);
  CHECK(fixture.population.alive() == 1);
  lease.release();
  CHECK(fixture.population.alive() == 0);
  CHECK(pool.close(0ns));
}

TEST_CASE("the destructor sends callers away and waits until they are gone", "[stress][pool][regression]") {
  Fixture fixture;
  for (int i = 0; i < 200 / kSlowdown; ++i) {
    auto pool = std::make_unique<ModelPool<Probe>>(fixture.factory(), PoolOptions<Probe>{.max_size = 1});
    auto held = pool->acquire();
    std::atomic<int> closed{0};
    std::vector<std::jthread> callers;
    for (int caller = 0; caller < 3; ++caller)
      callers.emplace_back([&closed, raw = pool.get()] {
        if (throws<PoolClosed>([raw] { (void)raw->acquire({.timeout = std::nullopt}); })) ++closed;
      });
    REQUIRE(waiting(*pool, 3));
    pool.reset();
    callers.clear();
    REQUIRE(closed.load() == 3);
    held.release();
    REQUIRE(fixture.population.alive() == 0);
  }
}

// ---- callbacks ----

TEST_CASE("the factory, validate, reset and hooks may use their pool", "[stress][pool][regression]") {
  Fixture fixture;
  ModelPool<Probe>* self = nullptr;
  std::atomic<int> looks{0};
  const auto look = [&] {
    if (!consistent(self->stats())) throw std::runtime_error("inconsistent");
    (void)self->try_acquire();
    ++looks;
  };
  PoolOptions<Probe> options{.max_size = 2};
  options.idle_timeout = 1ms;
  options.validate = [&](Probe&) {
    (void)self->stats();
    return true;
  };
  options.reset = [&](Probe&) { (void)self->stats(); };
  options.hooks = {.on_create = [&](const InstanceEvent&) { look(); },
                   .before_acquire = [&](const InstanceEvent&) { (void)self->stats(); },
                   .after_release = [&](const InstanceEvent&) { (void)self->stats(); },
                   .before_destroy = [&](const InstanceEvent&) { look(); },
                   .on_wait = [&](const WaitEvent&) { look(); },
                   .on_timeout = [&](const WaitEvent&) { look(); }};
  ModelPool<Probe> pool{[&] {
                          look();
                          return std::make_unique<Probe>(fixture.population);
                        },
                        options};
  self = &pool;
  const Watchdog dog = watch(pool);
  const auto escaped = run_threads(4, [&](int i) {
    for (int n = 0; n < 100; ++n)
      (void)throws<AcquireTimeout>([&] {
        const auto lease =
            pool.acquire({.timeout = nanoseconds((n % 3) * 300'000), .destroy_after_use = (n + i) % 10 == 0});
        const auto use = lease->use();
      });
  });
  CHECK(escaped.empty());
  CHECK(pool.stats().hook_failures == 0);
  CHECK(looks.load() > 0);
  CHECK(fixture.population.misuses.load() == 0);
}

TEST_CASE("a hanging validate or reset of one instance delays no other", "[stress][pool][regression]") {
  Fixture fixture;
  Gate hang;
  std::atomic<bool> first_validate{true}, first_reset{true};
  PoolOptions<Probe> options{.max_size = 3};
  options.validate = [&](Probe&) {
    if (first_validate.exchange(false)) hang.pass();
    return true;
  };
  options.reset = [&](Probe&) {
    if (first_reset.exchange(false)) hang.pass();
  };
  ModelPool<Probe> pool{fixture.factory(), options};
  {
    const OpenAtEnd open(hang);
    std::jthread validating([&] { (void)pool.acquire(); });
    REQUIRE(hang.wait_for_arrivals(1));
    std::jthread resetting([&] { (void)pool.acquire(); });
    REQUIRE(hang.wait_for_arrivals(2));
    for (int i = 0; i < 100; ++i) CHECK_NOTHROW((void)pool.acquire({.timeout = 5s}));
    CHECK(pool.stats().leased == 2);
    hang.open();
  }
  CHECK(pool.stats().leased == 0);
}

TEST_CASE("a hook that throws is dropped and counted, and changes nothing", "[stress][pool][regression]") {
  Fixture fixture;
  const auto fail = [](const auto&) { throw std::runtime_error("from a hook"); };
  PoolOptions<Probe> options{.max_size = 1};
  options.hooks = {.on_create = fail,
                   .before_acquire = fail,
                   .after_release = fail,
                   .before_destroy = fail,
                   .on_wait = fail,
                   .on_timeout = fail};
  ModelPool<Probe> pool{fixture.factory(), options};
  for (int i = 0; i < 3; ++i) CHECK_NOTHROW((void)pool.acquire());
  pool.shrink(0);
  CHECK(pool.stats().hook_failures >= 3 + 3 + 1 + 1);
  CHECK(fixture.population.alive() == 0);
}

// ---- creation ----

TEST_CASE("a caller that waits for a creation is served by a returned instance", "[stress][pool][regression]") {
  Fixture fixture;
  Gate factory;
  std::atomic<int> calls{0};
  ModelPool<Probe> pool{[&] {
                          if (calls.fetch_add(1) > 0) factory.pass();
                          return std::make_unique<Probe>(fixture.population);
                        },
                        {.max_size = 2}};
  const OpenAtEnd open(factory);
  auto first = pool.acquire();
  std::atomic<bool> served{false};
  std::jthread caller([&] {
    (void)pool.acquire();
    served = true;
  });
  REQUIRE(factory.wait_for_arrivals(1));
  first.release();
  CHECK(eventually([&] { return served.load(); }));
  CHECK(factory.waiting() == 1);
}

TEST_CASE("a creation that outlasts its caller's timeout is kept for the next one", "[stress][pool][regression]") {
  Fixture fixture;
  Gate factory;
  ModelPool<Probe> pool{[&] {
                          factory.pass();
                          return std::make_unique<Probe>(fixture.population);
                        },
                        {.max_size = 4}};
  const OpenAtEnd open(factory);
  std::jthread first(
      [&] { (void)throws<AcquireTimeout>([&] { (void)pool.acquire({.timeout = 500ms * kSlowdown}); }); });
  REQUIRE(factory.wait_for_arrivals(1));
  first.join();
  factory.open();
  CHECK_NOTHROW((void)pool.acquire());
  CHECK(pool.stats().created == 1);
}

TEST_CASE("a failing factory tells one waiting caller each time, with the cause", "[stress][pool][regression]") {
  Fixture fixture;
  std::atomic<int> calls{0};
  ModelPool<Probe> pool{[&]() -> std::unique_ptr<Probe> {
                          if (calls.fetch_add(1) < 3) throw std::runtime_error("no engine.cfg");
                          return std::make_unique<Probe>(fixture.population);
                        },
                        {.max_size = 1, .create_backoff = 1ms, .create_backoff_max = 2ms}};
  const Watchdog dog = watch(pool);
  std::atomic<int> failed{0}, nested{0}, served{0};
  const auto escaped = run_threads(8, [&](int) {
    try {
      const auto lease = pool.acquire();
      const auto use = lease->use();
      ++served;
    } catch (const CreateFailed& error) {
      ++failed;
      try {
        std::rethrow_if_nested(error);
      } catch (const std::runtime_error& cause) {
        if (std::string(cause.what()) == "no engine.cfg") ++nested;
      }
    }
  });
  CHECK(escaped.empty());
  CHECK(failed.load() == 3);
  CHECK(nested.load() == 3);
  CHECK(served.load() == 5);
}

TEST_CASE("a factory that is down is not asked more often than the back-off allows", "[stress][pool][regression]") {
  std::atomic<int> calls{0};
  ModelPool<Probe> pool{
      [&]() -> std::unique_ptr<Probe> {
        ++calls;
        throw std::runtime_error("down");
      },
      {.max_size = 8, .max_concurrent_creates = 4, .create_backoff = 20ms, .create_backoff_max = 40ms}};
  const auto end = Clock::now() + 400ms;
  const auto escaped = run_threads(8, [&](int) {
    while (Clock::now() < end)
      if (!throws<CreateFailed>([&] { (void)pool.acquire({.timeout = 100ms}); })) return;
  });
  // At most 4 calls under way when the first fails, then one for each pause of at least 16 ms.
  CHECK(calls.load() <= 4 + (400 + 100) / 16 + 4);
  CHECK(calls.load() >= 3);
  CHECK(pool.stats().size == 0);
}

TEST_CASE("a hanging factory call is replaced after create_timeout, and its late instance is not one too many",
          "[stress][pool][regression]") {
  Fixture fixture;
  Gate factory;
  std::atomic<int> calls{0};
  ModelPool<Probe> pool{[&] {
                          if (calls.fetch_add(1) == 0) factory.pass();
                          return std::make_unique<Probe>(fixture.population);
                        },
                        {.max_size = 1, .create_backoff = 1ms, .create_timeout = 20ms}};
  const OpenAtEnd open(factory);
  const Watchdog dog = watch(pool);
  CHECK(throws<CreateFailed>([&] { (void)pool.acquire(); }));
  CHECK_NOTHROW((void)pool.acquire());
  factory.open();
  CHECK(eventually([&] { return pool.stats().created == 2; }));
  CHECK(eventually([&] { return fixture.population.alive() == 1; }));
  CHECK(pool.stats().size == 1);
}

// ---- broken instances ----

TEST_CASE("instances that break do not starve the callers that wait", "[stress][pool][regression]") {
  Fixture fixture;
  ModelPool<Probe> pool{fixture.factory(), {.max_size = 2, .max_concurrent_creates = 2}};
  const Watchdog dog = watch(pool);
  std::atomic<int> served{0};
  const auto escaped = run_threads(20, [&](int) {
    for (int i = 0; i < 20; ++i) {
      auto lease = pool.acquire({.timeout = std::nullopt});
      ++served;
      lease.destroy();
    }
  });
  CHECK(escaped.empty());
  CHECK(served.load() == 400);
  CHECK(fixture.population.destroyed.load() >= 400);
}

TEST_CASE("an error in one instance never reaches the user of another", "[stress][pool][regression]") {
  Fixture fixture;
  ModelPool<Probe> pool{fixture.factory(), {.max_size = 3, .max_concurrent_creates = 3}};
  const Watchdog dog = watch(pool);
  std::atomic<int> own{0}, foreign{0}, good{0};
  const auto escaped = run_threads(6, [&](int thread) {
    for (int i = 0; i < 100; ++i) try {
        pool.run([&](Probe& probe) {
          const auto use = probe.use();
          if (i % 4 == 0) throw std::runtime_error(std::to_string(thread));
        });
        ++good;
      } catch (const std::runtime_error& error) {
        ++(error.what() == std::to_string(thread) ? own : foreign);
      }
  });
  CHECK(escaped.empty());
  CHECK(foreign.load() == 0);
  CHECK(own.load() == 6 * 25);
  CHECK(good.load() == 6 * 75);
  CHECK(pool.stats().destroyed_by[static_cast<std::size_t>(DestroyReason::broken)] == 6 * 25);
  pool.warm_up(3);
  CHECK(pool.stats().size == 3);
}

TEST_CASE("a refused instance is replaced by the next one for the same caller", "[stress][pool][regression]") {
  Fixture fixture;
  std::atomic<bool> broken{false};
  PoolOptions<Probe> options{.max_size = 3};
  options.validate = [&](Probe& probe) { return !broken.load() || probe.uses == 0; };
  ModelPool<Probe> pool{fixture.factory(), options};
  pool.warm_up(3);
  {
    std::array<Lease<Probe>, 3> all{pool.acquire(), pool.acquire(), pool.acquire()};
    for (auto& lease : all) (void)lease->use();
  }
  broken = true;
  CHECK_NOTHROW((void)pool.acquire());
  CHECK(pool.stats().destroyed_by[static_cast<std::size_t>(DestroyReason::invalid)] == 3);
  CHECK(pool.stats().requests == 4);
}

// ---- age, size ----

TEST_CASE("max_age holds for an instance that is always busy", "[stress][pool][regression]") {
  Fixture fixture;
  ModelPool<Probe> pool{fixture.factory(), {.max_size = 1, .max_age = 20ms}};
  const Watchdog dog = watch(pool);
  const auto escaped = run_threads(3, [&](int) {
    const auto end = Clock::now() + 300ms;
    while (Clock::now() < end) {
      const auto lease = pool.acquire();
      const auto use = lease->use();
    }
  });
  CHECK(escaped.empty());
  CHECK(pool.stats().destroyed_by[static_cast<std::size_t>(DestroyReason::expired)] >= 4);
  CHECK(fixture.population.misuses.load() == 0);
}

TEST_CASE("shrinking and growing in any order keeps count, bound and waiting callers", "[stress][pool][regression]") {
  Fixture fixture;
  ModelPool<Probe> pool{fixture.factory(), {.max_size = 4, .max_concurrent_creates = 4}};
  const Watchdog dog = watch(pool);
  std::atomic<bool> stop{false};
  std::atomic<int> inconsistent{0};
  std::jthread resizer([&] {
    std::mt19937 random(11);
    for (int i = 0; i < 3000 / kSlowdown; ++i) {
      if (i % 3 == 0) (void)pool.shrink(random() % 5);
      pool.resize(1 + random() % 8);
      if (!consistent(pool.stats())) ++inconsistent;
    }
    pool.resize(2);
    stop = true;
  });
  const auto escaped = run_threads(6, [&](int) {
    while (!stop.load()) {
      const auto lease = pool.acquire({.timeout = std::nullopt});
      const auto use = lease->use();
    }
  });
  resizer.join();
  CHECK(escaped.empty());
  CHECK(inconsistent.load() == 0);
  CHECK(pool.stats().size <= 2);
  CHECK(pool.stats().max_size == 2);
  CHECK(fixture.population.alive() == pool.stats().size);
  CHECK(fixture.population.misuses.load() == 0);
}

// ---- exclusive access ----

TEST_CASE("exclusive access is alone, whoever else asks", "[stress][pool][regression]") {
  for (const Fairness fairness : {Fairness::fifo, Fairness::throughput}) {
    Fixture fixture;
    ModelPool<Probe> pool{fixture.factory(), {.max_size = 3, .fairness = fairness}};
    pool.warm_up(3);
    const Watchdog dog = watch(pool);
    std::atomic<int> inside{0}, alone{0}, violations{0};
    const auto escaped = run_threads(5, [&](int thread) {
      for (int i = 0; i < 2000 / kSlowdown; ++i) {
        if (thread == 0) {
          const auto all = pool.acquire_exclusive();
          alone = 1;
          if (inside.load() != 0) ++violations;
          const auto second = pool.acquire();
          const auto use = second->use();
          alone = 0;
        } else {
          const auto lease = pool.acquire();
          ++inside;
          if (alone.load() != 0) ++violations;
          --inside;
        }
      }
    });
    CHECK(escaped.empty());
    CHECK(violations.load() == 0);
    CHECK(pool.stats().idle == 3);
  }
}

// ---- cleanup, pause ----

TEST_CASE("cleanup cuts off leases after its grace, and they stay valid", "[stress][pool][regression]") {
  Fixture fixture;
  ModelPool<Probe> pool{fixture.factory(), {.max_size = 3}};
  pool.warm_up(3);
  auto out = pool.acquire();
  const auto report = pool.cleanup(10ms);
  CHECK(report.destroyed == 2);
  CHECK(report.detached == 1);
  CHECK(report.waited >= 10ms);
  { const auto use = out->use(); }
  {
    std::array<Lease<Probe>, 3> all{pool.acquire(), pool.acquire(), pool.acquire()};
    CHECK(pool.stats().size == 3);
    CHECK(fixture.population.alive() == 4);
  }
  out.release();
  CHECK(fixture.population.alive() == 3);
  CHECK(pool.stats().size == 3);
}

TEST_CASE("cleanup does not wait for ever for a hanging factory", "[stress][pool][regression]") {
  Fixture fixture;
  Gate factory;
  std::atomic<int> calls{0};
  ModelPool<Probe> pool{[&] {
                          if (calls.fetch_add(1) == 0) factory.pass();
                          return std::make_unique<Probe>(fixture.population);
                        },
                        {.max_size = 1}};
  const OpenAtEnd open(factory);
  std::atomic<bool> refused{false};
  std::jthread caller([&] { refused = throws<PoolClosed>([&] { (void)pool.acquire(); }); });
  REQUIRE(factory.wait_for_arrivals(1));
  const auto start = Clock::now();
  pool.cleanup(20ms);
  CHECK(Clock::now() - start <= 5s);
  caller.join();
  CHECK(refused.load());
  CHECK_NOTHROW((void)pool.acquire({.timeout = 5s}));
  factory.open();
  CHECK(eventually([&] { return pool.stats().created == 2; }));
  CHECK(eventually([&] { return fixture.population.alive() == 1; }));
}

TEST_CASE("a paused pool gives nothing and creates nothing, and resuming serves who waits",
          "[stress][pool][regression]") {
  for (const Fairness fairness : {Fairness::fifo, Fairness::throughput}) {
    Fixture fixture;
    ModelPool<Probe> pool{fixture.factory(), {.max_size = 2, .fairness = fairness}};
    pool.warm_up(1);
    pool.pause();
    CHECK_FALSE(pool.try_acquire());
    CHECK(throws<AcquireTimeout>([&] { (void)pool.acquire({.timeout = 1ms}); }));
    std::atomic<int> served{0};
    {
      std::jthread resumer([&] {
        (void)waiting(pool, 4);
        pool.resume();
      });
      const auto escaped = run_threads(4, [&](int) {
        (void)pool.acquire({.timeout = std::nullopt});
        ++served;
      });
      CHECK(escaped.empty());
    }
    CHECK(served.load() == 4);
  }
}

TEST_CASE("no wake-up is lost between very many waiters", "[stress][pool][regression]") {
  for (const Fairness fairness : {Fairness::fifo, Fairness::throughput}) {
    Fixture fixture;
    ModelPool<Probe> pool{fixture.factory(), {.max_size = 3, .fairness = fairness}};
    pool.pause();
    const Watchdog dog = watch(pool);
    std::jthread resumer([&] {
      (void)waiting(pool, 200);
      pool.resume();
    });
    std::atomic<int> served{0};
    const auto escaped = run_threads(200, [&](int) {
      const auto lease = pool.acquire({.timeout = std::nullopt});
      const auto use = lease->use();
      ++served;
    });
    CHECK(escaped.empty());
    CHECK(served.load() == 200);
    CHECK(pool.stats().waiting_peak == 200);
    CHECK(fixture.population.misuses.load() == 0);
  }
}
