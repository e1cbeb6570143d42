// SPDX-License-Identifier: Apache-2.0
// How a pool keeps itself in order: ages, idle instances, leaks, shrinking and cleaning.
#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "modelpool/device/memory.hpp"
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

namespace {

template <class Condition>
bool becomes_true(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + 20s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

std::uint64_t destroyed(const Pool& pool, DestroyReason reason) {
  return pool.stats().destroyed_by[static_cast<std::size_t>(reason)];
}

}  // namespace

TEST_CASE("min_idle instances are made ready in the background, and again when they are leased", "[pool][upkeep]") {
  Pool pool(MockFactory{}, {.max_size = 3, .min_idle = 1});
  REQUIRE(becomes_true([&] { return pool.stats().idle == 1; }));
  const auto first = pool.acquire();
  CHECK(becomes_true([&] { return pool.stats().idle == 1; }));
  const auto second = pool.acquire();
  CHECK(becomes_true([&] { return pool.stats().idle == 1; }));
  CHECK(pool.stats().size == 3);
}

TEST_CASE("instances that are idle for longer than idle_timeout are destroyed, down to min_idle", "[pool][upkeep]") {
  Pool pool(MockFactory{}, {.max_size = 3, .min_idle = 1, .idle_timeout = 20ms});
  pool.warm_up(3);
  CHECK(becomes_true([&] { return pool.stats().size == 1; }));
  CHECK(destroyed(pool, DestroyReason::idle) == 2);
  std::this_thread::sleep_for(60ms);
  CHECK(pool.stats().size == 1);
}

namespace {

// Blocks below the size that malloc maps by itself stay with it when they are freed under one that is kept.
struct Heavy {
  explicit Heavy(std::vector<std::unique_ptr<char[]>>& kept) {
    constexpr std::size_t kBlock = 64 << 10;
    for (int i = 0; i < 1000; ++i) {
      blocks.push_back(std::make_unique<char[]>(kBlock));
      std::memset(blocks.back().get(), 1, kBlock);
    }
    kept.push_back(std::make_unique<char[]>(1000));
  }
  std::vector<std::unique_ptr<char[]>> blocks;
};

}  // namespace

TEST_CASE("giving idle instances' memory back to the system is part of idle_timeout", "[pool][upkeep]") {
  std::vector<std::unique_ptr<char[]>> kept;  // by the one creator thread
  ModelPool<Heavy> pool([&] { return std::make_unique<Heavy>(kept); }, {.max_size = 1, .idle_timeout = 50ms});
  const auto before = MemoryProbe{}.process().resident_bytes;
  pool.warm_up(1);
  CHECK(becomes_true([&] { return pool.stats().size == 0; }));
  CHECK(becomes_true([&] { return MemoryProbe{}.process().resident_bytes < before + (20 << 20); }));
}

TEST_CASE("instances older than max_age are destroyed, at their release where they are always busy", "[pool][upkeep]") {
  MockFactory factory;
  Pool pool(factory, {.max_size = 1, .max_age = 20ms});
  auto lease = pool.acquire();
  std::this_thread::sleep_for(25ms);
  CHECK(pool.stats().size == 1);
  lease.release();
  CHECK(pool.stats().size == 0);
  CHECK(destroyed(pool, DestroyReason::expired) == 1);
  pool.warm_up(1);
  CHECK(becomes_true([&] { return destroyed(pool, DestroyReason::expired) == 2; }));
}

TEST_CASE("an age at the end of the clock's range is never reached", "[pool][upkeep]") {
  Pool pool(MockFactory{}, {.max_size = 1, .idle_timeout = 400ms, .max_age = std::chrono::nanoseconds::max()});
  for (int i = 0; i < 3; ++i) CHECK(pool.acquire()->serial() == 1);
  CHECK(destroyed(pool, DestroyReason::expired) == 0);
}

TEST_CASE("a lease that is out for too long is told once, with its thread, and not taken away", "[pool][upkeep]") {
  std::atomic<int> leaks = 0;
  std::atomic<std::uint64_t> thread = 0, instance = 0;
  Pool pool(MockFactory{}, {.max_size = 1, .leak_after = 20ms, .hooks = {.on_leak = [&](const LeakEvent& event) {
                                                                 thread = event.thread_id;
                                                                 instance = event.instance;
                                                                 ++leaks;
                                                               }}});
  {
    auto lease = pool.acquire();
    REQUIRE(becomes_true([&] { return leaks == 1; }));
    std::this_thread::sleep_for(60ms);
    lease->run();
  }
  CHECK(leaks == 1);
  CHECK(thread != 0);
  CHECK(instance == 1);
  CHECK(pool.stats().leaked == 1);
  CHECK(pool.stats().idle == 1);
  auto lease = pool.acquire();
  const auto moved = std::move(lease);
  CHECK(becomes_true([&] { return leaks == 2; }));
  CHECK(thread == 0);
}

TEST_CASE("shrink destroys idle instances only and reports what it gave back", "[pool][upkeep]") {
  MockFactory factory;
  Pool pool(factory, {.max_size = 3, .bytes_of = [](const MockInstance&) { return std::size_t{100}; }});
  pool.warm_up(3);
  auto first = pool.acquire();
  auto second = pool.acquire();
  ShrinkReport report = pool.shrink(0);
  CHECK(report.destroyed == 1);
  CHECK(report.bytes == 100);
  CHECK(report.remaining == 2);
  first->run();
  first.release();
  second.release();
  report = pool.shrink(1);
  CHECK(report.destroyed == 1);
  CHECK(report.remaining == 1);
  CHECK(pool.shrink(1).destroyed == 0);
  CHECK(destroyed(pool, DestroyReason::shrunk) == 2);
}

TEST_CASE("cleanup waits for leases, destroys everything, and leaves the pool usable", "[pool][upkeep]") {
  MockFactory factory;
  Pool pool(factory, {.max_size = 2, .bytes_of = [](const MockInstance&) { return std::size_t{10}; }});
  pool.warm_up(2);
  std::optional<Lease<MockInstance>> lease(pool.acquire());
  std::thread user([&] {
    std::this_thread::sleep_for(20ms);
    lease.reset();
  });
  const CleanupReport report = pool.cleanup(20s);
  user.join();
  CHECK(report.destroyed == 2);
  CHECK(report.detached == 0);
  CHECK(report.bytes == 20);
  CHECK(report.waited >= 1ms);
  CHECK(factory.counters->destroyed == 2);
  CHECK(pool.acquire()->serial() == 3);
}

TEST_CASE("cleanup refuses callers while it waits, and cuts off what does not come back", "[pool][upkeep]") {
  MockFactory factory;
  Pool pool(factory, {.max_size = 1});
  auto lease = pool.acquire();
  CleanupReport report;
  std::thread cleaner([&] { report = pool.cleanup(50ms); });
  CHECK(becomes_true([&] {
    try {
      (void)pool.acquire({.timeout = 0s});
    } catch (const PoolClosed& error) {
      return std::string(error.what()).find("being cleaned up") != std::string::npos;
    } catch (const Error&) {
    }
    return false;
  }));
  cleaner.join();
  CHECK(report.detached == 1);
  CHECK(report.destroyed == 0);
  lease->run();
  CHECK(pool.stats().size == 0);
  auto fresh = pool.acquire();
  CHECK(fresh->serial() == 2);
  lease.release();
  CHECK(factory.counters->destroyed == 1);
  CHECK(destroyed(pool, DestroyReason::cleaned) == 1);
  CHECK(pool.stats().leased == 1);
}

TEST_CASE("an instance that cleanup cut off and its lease then detaches counts once", "[pool][upkeep]") {
  MockFactory factory;
  Pool pool(factory, {.max_size = 1});
  auto lease = pool.acquire();
  CHECK(pool.cleanup(0ns).detached == 1);
  const auto instance = lease.detach();
  CHECK(pool.stats().detached == 1);
  instance->run();
}

TEST_CASE("close waits for leases up to its grace and says whether all came back", "[pool][upkeep]") {
  MockFactory factory;
  Pool pool(factory, {.max_size = 2});
  pool.warm_up(2);
  std::optional<Lease<MockInstance>> lease(pool.acquire());
  CHECK_FALSE(pool.close(5ms));
  CHECK(factory.counters->destroyed == 1);
  std::thread user([&] {
    std::this_thread::sleep_for(10ms);
    lease.reset();
  });
  CHECK(pool.close(20s));
  user.join();
  CHECK(factory.counters->destroyed == 2);
  CHECK(pool.stats().size == 0);
}

TEST_CASE("an instance that is created while the pool closes is destroyed", "[pool][upkeep]") {
  MockFactory factory;
  const auto gate = std::make_shared<Gate>();
  factory.set_gate(gate);
  Pool pool(factory, {.max_size = 1});
  bool caller_ok = false;
  std::thread caller([&] { caller_ok = throws<PoolClosed>([&] { (void)pool.acquire(); }); });
  REQUIRE(gate->wait_for_waiting(1));
  CHECK(pool.close(0ms));  // no lease is out
  caller.join();
  CHECK(caller_ok);
  gate->open();
  CHECK(becomes_true([&] { return factory.counters->destroyed == 1; }));
  CHECK(destroyed(pool, DestroyReason::closed) == 1);
}

TEST_CASE("a destructor that takes long delays neither hand-offs nor stats", "[pool][upkeep]") {
  struct Slow {
    std::shared_ptr<Gate> gate;
    ~Slow() { gate->pass(); }
  };
  const auto gate = std::make_shared<Gate>();
  ModelPool<Slow> pool([&] { return std::make_unique<Slow>(Slow{gate}); }, {.max_size = 2});
  gate->open();
  pool.warm_up(2);
  gate->close();
  auto first = pool.acquire(), second = pool.acquire();
  std::thread destroyer([&] { first.destroy(); });
  REQUIRE(gate->wait_for_waiting(1));
  CHECK(pool.stats().retiring == 1);
  CHECK(pool.stats().size == 2);
  second.release();
  CHECK(pool.acquire({.timeout = 10s}));
  gate->open();
  destroyer.join();
  CHECK(pool.stats().size == 1);
}
