// SPDX-License-Identifier: Apache-2.0
// Who waits, in which order, and for how long.
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
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

namespace {

void wait_for_waiting(Pool& pool, std::size_t n) {
  while (pool.stats().waiting < n) std::this_thread::yield();
}

// Threads that queue one after another, and the order in which they were served.
class Queue {
 public:
  explicit Queue(Pool& pool) : pool_(pool) {}
  ~Queue() { join(); }
  void add(int name) {
    const std::size_t before = pool_.stats().waiting;
    threads_.emplace_back([this, name] {
      auto lease = pool_.acquire({.timeout = 20s});
      const std::lock_guard lock(mutex_);
      order_.push_back(name);
    });
    wait_for_waiting(pool_, before + 1);
  }
  std::vector<int> join() {
    for (auto& thread : threads_)
      if (thread.joinable()) thread.join();
    return order_;
  }

 private:
  Pool& pool_;
  std::mutex mutex_;
  std::vector<int> order_;
  std::vector<std::thread> threads_;
};

}  // namespace

TEST_CASE("waiting callers are served in the order in which they came", "[pool]") {
  Pool pool(MockFactory{}, {.max_size = 1});
  auto lease = pool.acquire();
  Queue queue(pool);
  for (int i = 0; i < 6; ++i) queue.add(i);
  lease.release();
  CHECK(queue.join() == std::vector<int>{0, 1, 2, 3, 4, 5});
}

TEST_CASE("throughput mode serves every caller, and the first one as soon as it has waited max_bypass", "[pool]") {
  MockFactory factory;
  Pool pool(factory, {.max_size = 1, .fairness = Fairness::throughput, .max_bypass = 1ms});
  std::atomic<bool> stop = false;
  std::atomic<int> served = 0;
  pool.warm_up(1);
  std::thread greedy([&] {
    while (!stop) pool.acquire()->run();
  });
  std::thread patient([&] {
    for (int i = 0; i < 20; ++i) {
      auto lease = pool.acquire({.timeout = 20s});
      lease->run();
      ++served;
    }
  });
  patient.join();
  stop = true;
  greedy.join();
  CHECK(served == 20);
  CHECK(factory.counters->overlaps == 0);
}

TEST_CASE("a timeout of zero or less takes an idle instance or throws at once", "[pool]") {
  Pool pool(MockFactory{}, {.max_size = 1});
  pool.warm_up(1);
  auto lease = pool.acquire({.timeout = 0s});
  CHECK(lease);
  CHECK(in_thread([&] { return throws<AcquireTimeout>([&] { (void)pool.acquire({.timeout = -1s}); }); }));
}

TEST_CASE("a caller beyond max_waiting is refused at once", "[pool]") {
  Pool pool(MockFactory{}, {.max_size = 1, .max_waiting = 1});
  auto lease = pool.acquire();
  Queue queue(pool);
  queue.add(0);
  std::size_t waiting = 0;
  std::thread([&] {
    try {
      (void)pool.acquire();
    } catch (const Overloaded& error) {
      waiting = error.stats.waiting;
    }
  }).join();
  CHECK(waiting == 1);
  CHECK(pool.stats().rejected == 1);
  lease.release();
}

TEST_CASE("a stop token that was triggered before is honoured without waiting", "[pool]") {
  Pool pool(MockFactory{}, {.max_size = 1});
  std::stop_source source;
  source.request_stop();
  CHECK_THROWS_AS((void)pool.acquire({.stop = source.get_token()}), Cancelled);
  CHECK(pool.stats().leased == 0);
}

TEST_CASE("try_acquire does not pass a waiting caller", "[pool]") {
  Pool pool(MockFactory{}, {.max_size = 1});
  auto lease = pool.acquire();
  Queue queue(pool);
  queue.add(0);
  CHECK_FALSE(pool.try_acquire().has_value());
  lease.release();
  queue.join();
  CHECK(pool.try_acquire().has_value());
}

TEST_CASE("exclusive access waits for the leases that are out, and nobody passes it", "[pool][exclusive]") {
  Pool pool(MockFactory{}, {.max_size = 2});
  pool.warm_up(2);
  auto lease = pool.acquire();
  std::atomic<bool> have_it = false, newcomer_served = false, passed = false, early = false;
  std::thread owner([&] {
    auto exclusive = pool.acquire_exclusive({.timeout = 20s});
    have_it = true;
    exclusive->run();
    std::this_thread::sleep_for(20ms);
    passed = newcomer_served.load();
  });
  wait_for_waiting(pool, 1);
  CHECK_FALSE(pool.try_acquire().has_value());  // one is idle, but the queue is not empty
  std::thread newcomer([&] {
    auto late = pool.acquire({.timeout = 20s});
    early = !have_it;
    newcomer_served = true;
  });
  wait_for_waiting(pool, 2);
  CHECK_FALSE(have_it);
  lease.release();
  owner.join();
  newcomer.join();
  CHECK_FALSE(passed);
  CHECK_FALSE(early);
  CHECK(newcomer_served);
}

TEST_CASE("a caller that waits for exclusive access waits for leases, not for another instance", "[pool][exclusive]") {
  MockFactory factory;
  Pool pool(factory, {.max_size = 2});
  const auto lease = pool.acquire();
  std::optional<AcquireStage> stage;
  std::thread([&] {
    try {
      (void)pool.acquire_exclusive({.timeout = 20ms});
    } catch (const AcquireTimeout& error) {
      stage = error.stage;
    }
  }).join();
  CHECK(stage == AcquireStage::wait);
  CHECK(pool.stats().created == 1);
}

TEST_CASE("the thread that holds a pool exclusively may acquire again", "[pool][exclusive]") {
  Pool pool(MockFactory{}, {.max_size = 2});
  auto exclusive = pool.acquire_exclusive();
  {
    const auto second = pool.acquire({.timeout = 10s});
    CHECK(second->serial() != exclusive->serial());
    CHECK_THROWS_AS((void)pool.acquire(), DeadlockError);
  }
  { const auto again = pool.acquire_exclusive(); }
  CHECK_FALSE(in_thread([&] { return pool.try_acquire().has_value(); }));
  exclusive.release();
  CHECK(pool.try_acquire().has_value());
}

TEST_CASE("exclusive access that was moved gives leases on its new thread", "[pool][exclusive]") {
  Pool pool(MockFactory{}, {.max_size = 2});
  auto exclusive = pool.acquire_exclusive();
  std::size_t leased = 0;
  std::thread([&pool, &leased, mine = std::move(exclusive)]() mutable {
    const auto lease = mine.acquire({.timeout = 10s});
    leased = pool.stats().leased;
  }).join();
  CHECK(leased == 2);
  CHECK(pool.stats().leased == 0);
  CHECK(pool.try_acquire().has_value());
}

TEST_CASE("a thread that holds a lease cannot wait for exclusive access", "[pool][exclusive]") {
  Pool pool(MockFactory{}, {.max_size = 2});
  const auto lease = pool.acquire();
  CHECK_THROWS_AS((void)pool.acquire_exclusive(), DeadlockError);
}

TEST_CASE("exclusive access that is given up lets the callers behind it go on", "[pool][exclusive]") {
  Pool pool(MockFactory{}, {.max_size = 2});
  pool.warm_up(2);
  const auto lease = pool.acquire();
  bool owner_ok = false;
  std::thread owner(
      [&] { owner_ok = throws<AcquireTimeout>([&] { (void)pool.acquire_exclusive({.timeout = 30ms}); }); });
  wait_for_waiting(pool, 1);
  CHECK(in_thread([&] { return static_cast<bool>(pool.acquire({.timeout = 20s})); }));
  owner.join();
  CHECK(owner_ok);
}

TEST_CASE("wait_available tells when fewer than so many instances are leased", "[pool]") {
  Pool pool(MockFactory{}, {.max_size = 2});
  pool.warm_up(2);
  auto first = pool.acquire(), second = pool.acquire();
  CHECK_FALSE(pool.wait_available(2, 5ms));
  CHECK(pool.wait_available(3, 0ms));
  bool waiter_ok = false;
  std::thread waiter([&] { waiter_ok = static_cast<bool>(pool.wait_available(1, 20s)); });
  std::this_thread::sleep_for(5ms);
  first.release();
  second.release();
  waiter.join();
  CHECK(waiter_ok);
  CHECK_FALSE(pool.wait_available(0, 1ms));
}

TEST_CASE("a paused pool gives nothing until it is resumed", "[pool]") {
  Pool pool(MockFactory{}, {.max_size = 1});
  pool.warm_up(1);
  pool.pause();
  CHECK_FALSE(pool.try_acquire().has_value());
  try {
    (void)pool.acquire({.timeout = 5ms});
    FAIL("the pool was paused");
  } catch (const AcquireTimeout& error) {
    CHECK(error.stats.paused);
    CHECK(std::string(error.what()).find("the pool is paused: resume it") != std::string::npos);
  }
  bool waiter_ok = false;
  std::thread waiter([&] { waiter_ok = static_cast<bool>(pool.acquire({.timeout = 20s})); });
  wait_for_waiting(pool, 1);
  pool.resume();
  waiter.join();
  CHECK(waiter_ok);
}

TEST_CASE("growing serves waiting callers, shrinking destroys what comes back", "[pool]") {
  MockFactory factory;
  Pool pool(factory, {.max_size = 1});
  auto first = pool.acquire();
  std::optional<Lease<MockInstance>> second;
  std::thread waiter([&] { second.emplace(pool.acquire({.timeout = 20s})); });
  wait_for_waiting(pool, 1);
  pool.resize(2);
  waiter.join();
  pool.resize(1);
  CHECK(pool.stats().size == 2);
  CHECK(pool.stats().max_size == 2);
  CHECK(pool.stats().target_max_size == 1);
  first.release();
  CHECK(pool.stats().size == 1);
  CHECK(pool.stats().max_size == 1);
  second.reset();
  CHECK(pool.stats().idle == 1);
  CHECK(factory.counters->destroyed == 1);
  CHECK_THROWS_AS(pool.resize(0), InvalidOptions);
}

TEST_CASE("many threads on few instances never share one and never lose one", "[pool][stress]") {
  const Fairness fairness = GENERATE(Fairness::fifo, Fairness::throughput);
  MockFactory factory;
  {
    Pool pool(factory, {.max_size = 3, .fairness = fairness});
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < 2000; ++i) {
          try {
            auto lease = pool.acquire({.timeout = std::chrono::nanoseconds(t % 2 == 0 ? 20'000'000'000 : i % 2000)});
            lease->run();
          } catch (const AcquireTimeout&) {
          }
        }
      });
    for (auto& thread : threads) thread.join();
    const PoolStats stats = pool.stats();
    CHECK(stats.idle == stats.size);
    CHECK(stats.size <= 3);
    CHECK(stats.waiting == 0);
    CHECK(stats.requests == 16000);
    CHECK(stats.requests == stats.direct + stats.waited + stats.timeouts);
  }
  CHECK(factory.counters->overlaps == 0);
  CHECK(factory.counters->alive_peak <= 3);
  CHECK(factory.counters->created == factory.counters->destroyed);
}
