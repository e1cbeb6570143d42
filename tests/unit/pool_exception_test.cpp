// SPDX-License-Identifier: Apache-2.0
// Exceptions while a lease is held, and the user's functions that look at an instance.
#include <atomic>
#include <chrono>
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
using modelpool::testing::MockFactory;
using modelpool::testing::MockInstance;
using Pool = ModelPool<MockInstance>;

namespace {

std::uint64_t destroyed(const Pool& pool, DestroyReason reason) {
  return pool.stats().destroyed_by[static_cast<std::size_t>(reason)];
}

template <class Exception>
void throw_in_lease(Pool& pool, const Exception& exception) {
  try {
    const auto lease = pool.acquire();
    throw exception;
  } catch (const Exception&) {
  }
}

template <class Exception>
void throw_in_run(Pool& pool, const Exception& exception) {
  try {
    pool.run([&](MockInstance&) { throw exception; });
  } catch (const Exception&) {
  }
}

}  // namespace

TEST_CASE("an instance whose lease is unwound by an exception is destroyed", "[pool][exception]") {
  MockFactory factory;
  Pool pool(factory, {.max_size = 1});
  throw_in_lease(pool, std::runtime_error("device lost"));
  CHECK(factory.counters->destroyed == 1);
  CHECK(destroyed(pool, DestroyReason::broken) == 1);
}

TEST_CASE("with validate, an instance whose lease is unwound is kept if it is still good", "[pool][exception]") {
  bool good = true;
  Pool pool(MockFactory{}, {.max_size = 1, .validate = [&](MockInstance&) { return good; }});
  throw_in_lease(pool, std::runtime_error("?"));
  CHECK(pool.stats().idle == 1);
  const auto spoil = [&] {
    const auto lease = pool.acquire();
    good = false;
    throw std::runtime_error("?");
  };
  CHECK_THROWS(spoil());
  CHECK(pool.stats().size == 0);
}

TEST_CASE("run keeps the instance after bad input and retires it after an unknown failure", "[pool][exception]") {
  MockFactory factory;
  Pool pool(factory, {.max_size = 1});
  throw_in_run(pool, InvalidInput("a text is not UTF-8"));
  throw_in_run(pool, DeadlineExceeded("late"));
  throw_in_run(pool, Cancelled("stopped"));
  CHECK(factory.counters->destroyed == 0);
  throw_in_run(pool, std::runtime_error("device lost"));
  CHECK(factory.counters->destroyed == 1);
  throw_in_run(pool, 42);
  CHECK(factory.counters->destroyed == 2);
}

TEST_CASE("run returns what the function returns", "[pool][exception]") {
  Pool pool(MockFactory{}, {.max_size = 1});
  CHECK(pool.run([](MockInstance& instance) { return instance.serial(); }) == 1);
}

TEST_CASE("on_exception is shown the exception and decides", "[pool][exception]") {
  MockFactory factory;
  std::vector<std::string> seen;
  Pool pool(factory, {.max_size = 1, .on_exception = [&](std::exception_ptr exception) {
                        seen.push_back(describe(exception));
                        return OnException::keep;
                      }});
  throw_in_run(pool, std::runtime_error("device lost"));
  throw_in_lease(pool, std::runtime_error("device lost"));
  CHECK(seen == std::vector<std::string>{"device lost", "no exception"});
  CHECK(factory.counters->destroyed == 0);
}

TEST_CASE("a lease that ends while an older exception unwinds is not to blame", "[pool][exception]") {
  MockFactory factory;
  Pool pool(factory, {.max_size = 1});
  struct Cleaner {
    Pool& pool;
    ~Cleaner() { pool.acquire()->run(); }
  };
  try {
    const Cleaner cleaner{pool};
    throw std::runtime_error("older");
  } catch (const std::runtime_error&) {
  }
  CHECK(factory.counters->created == 1);
  CHECK(factory.counters->destroyed == 0);
}

TEST_CASE("an instance that validate refuses is destroyed and the next one is given", "[pool][exception]") {
  MockFactory factory;
  Pool pool(factory, {.max_size = 2, .validate = [](MockInstance& instance) {
                        return instance.serial() != 1 || instance.uses() == 0;
                      }});
  pool.acquire()->run();
  auto lease = pool.acquire();
  CHECK(lease->serial() == 2);
  CHECK(destroyed(pool, DestroyReason::invalid) == 1);
  CHECK(pool.stats().requests == 2);
}

TEST_CASE("a new instance that validate refuses is a failed creation", "[pool][exception]") {
  const bool throws = GENERATE(false, true);
  Pool pool(MockFactory{}, {.max_size = 1, .validate = [=](MockInstance&) -> bool {
                              if (throws) throw std::runtime_error("cannot tell");
                              return false;
                            }});
  CHECK_THROWS_WITH((void)pool.acquire(), Catch::Matchers::Contains("validate refused a new instance"));
  CHECK(pool.stats().failed == 1);
  CHECK(pool.stats().size == 0);
}

TEST_CASE("a validate that takes too long counts into the timeout", "[pool][exception]") {
  Pool pool(MockFactory{}, {.max_size = 1, .validate = [](MockInstance&) {
                              std::this_thread::sleep_for(30ms);
                              return true;
                            }});
  pool.warm_up(1);
  try {
    (void)pool.acquire({.timeout = 5ms});
    FAIL("validate took longer");
  } catch (const AcquireTimeout& error) {
    CHECK(error.stage == AcquireStage::validate);
  }
  CHECK(pool.stats().idle == 1);
  CHECK(pool.acquire({.timeout = 10s}));
}

TEST_CASE("reset runs after each lease, outside the locks, and its failure destroys the instance",
          "[pool][exception]") {
  std::atomic<int> resets = 0;
  Pool* self = nullptr;
  Pool pool(MockFactory{}, {.max_size = 1, .reset = [&](MockInstance&) {
                              (void)self->stats();
                              if (++resets == 2) throw std::runtime_error("cannot reset");
                            }});
  self = &pool;
  pool.acquire().release();
  CHECK(pool.stats().idle == 1);
  pool.acquire().release();
  CHECK(resets == 2);
  CHECK(pool.stats().size == 0);
  CHECK(destroyed(pool, DestroyReason::invalid) == 1);
}

TEST_CASE("hooks are called at their moments, and may ask the pool", "[pool][hooks]") {
  std::vector<std::string> moments;
  Pool* self = nullptr;
  const auto note = [&](const char* moment) {
    return [&, moment](const InstanceEvent& event) {
      if (self) (void)self->stats();
      moments.push_back(std::string(moment) + " " + std::to_string(event.instance));
    };
  };
  Pool pool(MockFactory{}, {.max_size = 1,
                            .hooks = {.on_create = note("create"),
                                      .before_acquire = note("acquire"),
                                      .after_release = note("release"),
                                      .before_destroy = note("destroy")}});
  self = &pool;
  pool.acquire().release();
  pool.acquire().destroy();
  CHECK(moments ==
        std::vector<std::string>{"create 1", "acquire 1", "release 1", "acquire 1", "release 1", "destroy 1"});
}

TEST_CASE("on_wait tells how long callers wait, on_timeout that one gave up", "[pool][hooks]") {
  std::atomic<int> waits = 0, timeouts = 0;
  std::atomic<std::int64_t> average = 0;
  Pool pool(MockFactory{}, {.max_size = 1,
                            .hooks = {.on_wait =
                                          [&](const WaitEvent& event) {
                                            ++waits;
                                            average = event.average_wait.count();
                                          },
                                      .on_timeout = [&](const WaitEvent&) { ++timeouts; }}});
  pool.warm_up(1);
  auto lease = pool.acquire();
  CHECK(waits == 0);
  bool timed_out = false;
  std::thread waiter([&] {
    timed_out = throws<AcquireTimeout>([&] { (void)pool.acquire({.timeout = 2ms}); });
    (void)pool.acquire({.timeout = 20s});
  });
  while (timeouts == 0 || pool.stats().waiting == 0) std::this_thread::yield();
  lease.release();
  waiter.join();
  CHECK(timed_out);
  CHECK(waits == 1);
  CHECK(average > 0);
}

TEST_CASE("an exception that leaves a hook is dropped and counted", "[pool][hooks]") {
  Pool pool(
      MockFactory{},
      {.max_size = 1, .hooks = {.before_acquire = [](const InstanceEvent&) { throw std::runtime_error("hook"); }}});
  CHECK(pool.acquire());
  CHECK(pool.stats().hook_failures == 1);
}

TEST_CASE("no hook is called for a lease that ends after its pool", "[pool][hooks]") {
  int releases = 0;
  MockFactory factory;
  Lease<MockInstance> lease;
  {
    Pool pool(factory, {.max_size = 1, .hooks = {.after_release = [&](const InstanceEvent&) { ++releases; }}});
    lease = pool.acquire();
  }
  lease.release();
  CHECK(releases == 0);
  CHECK(factory.counters->destroyed == 1);
}
