// SPDX-License-Identifier: Apache-2.0
// What deadlines, bounds and ends promise in the corners where two of them meet.
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

#include "modelpool/pool/detail/pool_core_impl.hpp"
#include "support/catch.hpp"
#include "support/pool_testing.hpp"

using namespace modelpool;
using namespace modelpool::test;

namespace {

// A machine that has no thread left for the pool.
struct Threadless : detail::RealPlatform {
  static bool spawn(void (*)(void*), void*) noexcept { return false; }
};

struct NothingToCall : detail::InstanceOps {
  void* create(std::exception_ptr&) noexcept override { return nullptr; }
  void destroy(void*) noexcept override {}
  std::size_t bytes(const void*) noexcept override { return 0; }
  bool plain() const noexcept override { return true; }
  void on_create(std::uint64_t, detail::Nanos) noexcept override {}
  void before_destroy(std::uint64_t, detail::Nanos, DestroyReason) noexcept override {}
  void on_leak(std::uint64_t, std::uint64_t, detail::Nanos) noexcept override {}
};

bool tells_of_threads(const std::exception_ptr& cause) {
  return cause && throws<std::system_error>([&] { std::rethrow_exception(cause); });
}

// A pool whose reset and after_release may be held at a gate, and which can tell whether they ran after its end.
struct GatedEnd {
  Population population;
  Gate gate;
  std::atomic<bool> callback_ended{false};

  std::unique_ptr<ModelPool<Probe>> pool(bool in_hook) {
    PoolOptions<Probe> options{.max_size = 1};
    const auto hold = [this] {
      gate.pass();
      callback_ended = true;
    };
    if (in_hook) {
      options.hooks.after_release = [hold](const InstanceEvent&) { hold(); };
    } else {
      options.reset = [hold](Probe&) { hold(); };
    }
    return std::make_unique<ModelPool<Probe>>([this] { return std::make_unique<Probe>(population); }, options);
  }
};

// A callback that is running when the destructor starts must have ended when it returns: what it captured may go away then.
void check_destructor_waits(bool in_hook) {
  GatedEnd end;
  auto pool = end.pool(in_hook);
  std::atomic<bool> ended_before_return{false};
  {
    const OpenAtEnd open(end.gate);
    std::jthread user([lease = pool->acquire()]() mutable { lease.release(); });
    REQUIRE(end.gate.wait_for_arrivals(1));
    std::atomic<bool> started{false};
    std::jthread destroyer([&] {
      started = true;
      pool.reset();
      ended_before_return = end.callback_ended.load();
    });
    REQUIRE(eventually([&] { return started.load(); }));
    std::this_thread::sleep_for(50ms);  // for a destructor that does not wait to return
    end.gate.open();
  }
  CHECK(ended_before_return.load());
  CHECK(end.population.alive() == 0);
}

}  // namespace

TEST_CASE("the destructor waits for a reset that is running", "[stress][pool][lifetime]") {
  check_destructor_waits(false);
}
TEST_CASE("the destructor waits for a hook that is running", "[stress][pool][lifetime]") {
  check_destructor_waits(true);
}

TEST_CASE("callers within the room to create are not refused as waiters", "[stress][pool][regression]") {
  Fixture fixture;
  ModelPool<Probe> pool{fixture.factory(), {.max_size = 2, .max_waiting = 0}};
  CHECK_NOTHROW((void)pool.acquire());
}

TEST_CASE("warm_up ends when a smaller size makes its goal impossible", "[stress][pool][regression]") {
  Fixture fixture;
  Gate factory;
  ModelPool<Probe> pool{[&] {
                          factory.pass();
                          return std::make_unique<Probe>(fixture.population);
                        },
                        {.max_size = 4}};
  std::atomic<bool> ended{false};
  std::jthread warming([&] {
    try {
      pool.warm_up(4);
    } catch (const Error&) {
    }
    ended = true;
  });
  REQUIRE(factory.wait_for_arrivals(1));
  pool.resize(2);
  factory.open();
  CHECK(eventually([&] { return ended.load(); }, 2s * kSlowdown));
  pool.close();
}

TEST_CASE("the timeout of acquire_exclusive covers its wait and the creation after it together",
          "[stress][pool][regression]") {
  Fixture fixture;
  Gate factory;
  std::atomic<int> calls{0};
  ModelPool<Probe> pool{[&] {
                          if (calls.fetch_add(1) > 0) factory.pass();
                          return std::make_unique<Probe>(fixture.population);
                        },
                        {.max_size = 1}};
  const OpenAtEnd open(factory);
  auto held = pool.acquire();
  nanoseconds took{0};
  std::jthread caller([&] {
    const auto start = Clock::now();
    (void)throws<AcquireTimeout>([&] { (void)pool.acquire_exclusive({.timeout = 1s}); });
    took = Clock::now() - start;
  });
  REQUIRE(waiting(pool, 1));
  std::this_thread::sleep_for(800ms);  // most of the timeout goes by in the queue
  held.destroy();                      // exclusive now, but the instance has to be created
  caller.join();
  CHECK(took >= 1s);
  CHECK(took <= 1500ms);
}

TEST_CASE("cleanup ends exclusive access that outlasts its grace", "[stress][pool][regression]") {
  Fixture fixture;
  ModelPool<Probe> pool{fixture.factory(), {.max_size = 2}};
  std::optional<ExclusiveLease<Probe>> stuck(pool.acquire_exclusive());
  std::atomic<bool> served{false};
  std::jthread other([&] {
    pool.cleanup(1ms);
    served = !throws<AcquireTimeout>([&] { (void)pool.acquire({.timeout = 1s}); });
  });
  other.join();
  CHECK(served.load());
  stuck.reset();
  CHECK_NOTHROW((void)pool.acquire({.timeout = 1s}));
  CHECK(fixture.population.alive() == pool.stats().size);
}

TEST_CASE("a caller whose timeout is shorter than the start of a creation leaves the instance to the next one",
          "[stress][pool][regression]") {
  for (int i = 0; i < 20; ++i) {
    Fixture fixture;
    ModelPool<Probe> pool{fixture.factory(), {.max_size = 2}};
    (void)throws<AcquireTimeout>([&] { (void)pool.acquire({.timeout = 1us}); });
    REQUIRE(eventually([&] { return pool.stats().idle == 1; }));
    CHECK_NOTHROW((void)pool.acquire({.timeout = 1us}));
  }
}

TEST_CASE("a caller whose instance was refused is not sent away because the queue is full",
          "[stress][pool][regression]") {
  Fixture fixture;
  Gate hang, factory;
  std::atomic<int> validations{0}, calls{0};
  PoolOptions<Probe> options{.max_size = 1, .max_waiting = 1};
  options.validate = [&](Probe&) {
    if (validations.fetch_add(1) != 1) return true;  // the first use is good, the second is not
    hang.pass();
    return false;
  };
  ModelPool<Probe> pool{[&] {
                          if (calls.fetch_add(1) > 0) factory.pass();
                          return std::make_unique<Probe>(fixture.population);
                        },
                        options};
  { const auto first = pool.acquire(); }
  std::atomic<bool> overloaded{false};
  {
    const OpenAtEnd open_hang(hang), open_factory(factory);
    std::jthread refused([&] { overloaded = throws<Overloaded>([&] { (void)pool.acquire(); }); });
    REQUIRE(hang.wait_for_arrivals(1));
    std::jthread queued([&] { (void)pool.acquire(); });
    REQUIRE(waiting(pool, 1));
    hang.open();
    (void)eventually([&] { return overloaded.load() || pool.stats().waiting == 2; });
    factory.open();
  }
  CHECK_FALSE(overloaded.load());
}

// ---- a machine without threads ----

TEST_CASE("callers are told when no thread can be started to create an instance, whoever else waits",
          "[stress][pool][corners]") {
  using detail::WaitKind;
  detail::PoolCore<Threadless> core({.max_size = 2, .min_idle = 1, .name = "threadless", .max_concurrent_creates = 2},
                                    std::make_unique<NothingToCall>());
  const auto alone = core.acquire({.kind = WaitKind::exclusive});
  REQUIRE(alone.status == detail::AcquireStatus::granted);
  detail::PoolCore<Threadless>::Outcome outcome;
  std::exception_ptr cause;
  {
    std::jthread caller([&] { outcome = core.acquire({}); });  // cannot be served while another has the pool alone
    REQUIRE(eventually([&] { return core.stats().waiting == 1; }));
    CHECK(core.wait_until(WaitKind::warm, 1, detail::kNever, cause) == detail::WaitResult::failed);
    core.end_exclusive(alone.period);
  }
  CHECK(tells_of_threads(cause));
  CHECK(outcome.status == detail::AcquireStatus::failed);
  CHECK(tells_of_threads(outcome.cause));
  CHECK(core.close(detail::kNever));
}
