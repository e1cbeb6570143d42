// SPDX-License-Identifier: Apache-2.0
// Work of several callers on one instance. A gate holds the first batch, so that a test decides what waits behind it.
#include "modelpool/batching/batcher.hpp"

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/pool_testing.hpp"

using namespace modelpool;
using namespace modelpool::test;

namespace {

constexpr BatchSize kWide{100, 100};

struct Work {
  int in = 0;
  bool poisoned = false;
  int out = 0;
};

// A pool of probes with a batcher in front. Each batch is noted, and passes a gate while one is set.
class Desk {
 public:
  explicit Desk(std::size_t instances, std::function<void()> before_create = {})
      : before_create_(std::move(before_create)),
        pool_{[this] {
                if (before_create_) before_create_();
                return std::make_unique<Probe>(population_);
              },
              {.max_size = instances, .create_backoff = 1ms}},
        batcher_{pool_, instances, [this](Probe& probe, std::span<Work* const> works) { run(probe, works); }} {}

  int call(int in, BatchRequest request = {.limit = kWide}, bool poisoned = false) {
    const auto work = std::make_shared<Work>(Work{.in = in, .poisoned = poisoned});
    (void)batcher_.run(work, request);
    return work->out;
  }
  /// call() on a thread of its own. Returns when the caller waits, or is done.
  std::jthread caller(int in, BatchRequest request = {.limit = kWide}, bool poisoned = false) {
    const auto waiting = batcher_.stats().waiting;
    std::jthread thread([this, in, request = std::move(request), poisoned] {
      std::string outcome;
      try {
        outcome = std::to_string(call(in, request, poisoned));
      } catch (const Error& error) {
        outcome = error.code();
      } catch (const std::exception& error) {
        outcome = error.what();
      }
      const std::lock_guard lock(mutex_);
      outcomes_.emplace_back(in, outcome);
    });
    REQUIRE(eventually([&] { return batcher_.stats().waiting == waiting + 1 || outcome_of(in) != "none"; }));
    return thread;
  }
  /// A caller that is in the middle of a batch, alone, until gate().open().
  std::jthread occupy(int in) {
    gated_ = true;
    std::jthread thread([this, in] { (void)call(in); });
    REQUIRE(gate_.wait_for_arrivals(1));
    gated_ = false;
    return thread;
  }

  std::vector<std::vector<int>> batches() {
    const std::lock_guard lock(mutex_);
    return batches_;
  }
  std::string outcome_of(int in) {
    const std::lock_guard lock(mutex_);
    const auto it = std::ranges::find(outcomes_, in, &std::pair<int, std::string>::first);
    return it == outcomes_.end() ? "none" : it->second;
  }
  Gate& gate() { return gate_; }
  void gate_batches(bool gated) { gated_ = gated; }
  ModelPool<Probe>& pool() { return pool_; }
  Batcher<Probe, Work>& batcher() { return batcher_; }
  Population& population() { return population_; }
  [[nodiscard]] std::thread::id last_thread() const { return last_thread_; }

 private:
  void run(Probe& probe, std::span<Work* const> works) {
    const auto use = probe.use();
    last_thread_ = std::this_thread::get_id();
    {
      const std::lock_guard lock(mutex_);
      batches_.emplace_back();
      for (const Work* work : works) batches_.back().push_back(work->in);
    }
    if (gated_) gate_.pass();
    for (Work* work : works) {
      if (work->poisoned) throw std::runtime_error("poison");
      work->out = 2 * work->in;
    }
  }

  std::mutex mutex_;
  Population population_;
  Gate gate_;
  std::atomic<bool> gated_{false};
  std::vector<std::vector<int>> batches_;
  std::vector<std::pair<int, std::string>> outcomes_;
  std::atomic<std::thread::id> last_thread_;
  std::function<void()> before_create_;
  ModelPool<Probe> pool_;
  Batcher<Probe, Work> batcher_;
};

using Batches = std::vector<std::vector<int>>;

}  // namespace

TEST_CASE("a caller that is alone does its work itself, at once", "[batcher]") {
  Desk desk(2);
  CHECK(desk.call(21) == 42);
  CHECK(desk.last_thread() == std::this_thread::get_id());
  CHECK(desk.batches() == Batches{{21}});
  CHECK(desk.batcher().stats().shared == 0);
  CHECK(desk.pool().stats().leased == 0);
}

TEST_CASE("who gets the next instance takes along everything that waits, in order", "[batcher]") {
  Desk desk(1);
  {
    const auto first = desk.occupy(1);
    std::vector<std::jthread> callers;
    for (const int in : {2, 3, 4, 5}) callers.push_back(desk.caller(in));
    desk.gate().open();
  }
  CHECK(desk.batches() == Batches{{1}, {2, 3, 4, 5}});
  for (const int in : {2, 3, 4, 5}) CHECK(desk.outcome_of(in) == std::to_string(2 * in));
  CHECK(desk.batcher().stats().shared == 4);
  CHECK(desk.pool().stats().requests == 2);
}

TEST_CASE("a batch is no larger than each of its members allows, and nobody is passed", "[batcher]") {
  Desk desk(1);
  {
    const auto first = desk.occupy(1);
    std::vector<std::jthread> callers;
    const BatchSize ten{100, 10};
    callers.push_back(desk.caller(2, {.size = {1, 4}, .limit = ten}));
    callers.push_back(desk.caller(3, {.size = {1, 4}, .limit = ten}));
    callers.push_back(desk.caller(4, {.size = {1, 4}, .limit = ten}));
    callers.push_back(desk.caller(5, {.size = {1, 2}, .limit = {1, 10}}));  // wants no company
    callers.push_back(desk.caller(6, {.size = {1, 50}, .limit = ten}));     // larger than its own limit
    callers.push_back(desk.caller(7, {.size = {1, 1}, .limit = ten}));
    callers.push_back(desk.caller(8, {.size = {1, 1}, .limit = ten}));
    desk.gate().open();
  }
  CHECK(desk.batches() == Batches{{1}, {2, 3}, {4}, {5}, {6}, {7, 8}});
}

TEST_CASE("instances share what waits: no more batches run at once than there are instances", "[batcher]") {
  Desk desk(3);
  std::atomic<int> wrong{0};
  const auto escaped = run_threads(20, [&](int caller) {
    for (int i = 0; i < 50; ++i) wrong += desk.call(100 * caller + i) != 2 * (100 * caller + i);
  });
  CHECK(escaped.empty());
  CHECK(wrong == 0);
  CHECK(desk.population().misuses == 0);
  CHECK(desk.population().constructed <= 3);
  const auto stats = desk.batcher().stats();
  CHECK(stats.works == 1000);
  CHECK(stats.waiting == 0);
}

TEST_CASE("a work that fails does so alone: the others of its batch are run again", "[batcher]") {
  Desk desk(1);
  {
    const auto first = desk.occupy(1);
    std::vector<std::jthread> callers;
    callers.push_back(desk.caller(2));
    callers.push_back(desk.caller(3, {.limit = kWide}, true));
    callers.push_back(desk.caller(4));
    desk.gate().open();
  }
  CHECK(desk.outcome_of(2) == "4");
  CHECK(desk.outcome_of(3) == "poison");
  CHECK(desk.outcome_of(4) == "8");
  CHECK(desk.batches() == Batches{{1}, {2, 3, 4}, {2}, {3}, {4}});
  CHECK(desk.batcher().stats().retried == 3);
  CHECK(desk.population().misuses == 0);
}

TEST_CASE("a leader whose own work is the bad one fails, and the rest goes on", "[batcher]") {
  Desk desk(1);
  {
    const auto first = desk.occupy(1);
    std::vector<std::jthread> callers;
    callers.push_back(desk.caller(2, {.limit = kWide}, true));
    callers.push_back(desk.caller(3));
    desk.gate().open();
  }
  CHECK(desk.outcome_of(2) == "poison");
  CHECK(desk.outcome_of(3) == "6");
  CHECK(desk.call(4) == 8);
}

TEST_CASE("a caller is cancelled in the queue, and nobody else notices", "[batcher]") {
  Desk desk(1);
  std::stop_source stop;
  {
    const auto first = desk.occupy(1);
    std::vector<std::jthread> callers;
    callers.push_back(desk.caller(2));
    callers.push_back(desk.caller(3, {.limit = kWide, .stop = stop.get_token()}));
    callers.push_back(desk.caller(4));
    stop.request_stop();
    CHECK(eventually([&] { return desk.outcome_of(3) == "cancelled"; }));
    desk.gate().open();
  }
  CHECK(desk.batches() == Batches{{1}, {2, 4}});
  CHECK(desk.call(5, {.limit = kWide}) == 10);
  CHECK_THROWS_AS(desk.call(6, {.limit = kWide, .stop = stop.get_token()}), Cancelled);
}

namespace {

// Caller 2 leads a batch that stands at the gate and carries caller 3.
void with_passenger(Desk& desk, const BatchRequest& request, const std::function<void()>& meanwhile) {
  std::optional<Lease<Probe>> lease(desk.pool().acquire());  // keeps the callers together
  std::jthread leader([&] { (void)desk.call(2); });
  REQUIRE(waiting(desk.pool(), 1));
  const auto passenger = desk.caller(3, request);
  {
    const auto other = desk.caller(4);
    lease.reset();
    REQUIRE(desk.gate().wait_for_arrivals(1));
    meanwhile();
    desk.gate().open();
  }
}

}  // namespace

TEST_CASE("a caller whose work runs in another's batch leaves at once when cancelled", "[batcher]") {
  Desk desk(1);
  std::stop_source stop;
  std::string outcome;
  desk.gate_batches(true);
  with_passenger(desk, {.limit = kWide, .stop = stop.get_token()}, [&] {
    stop.request_stop();
    (void)eventually([&] { return desk.outcome_of(3) != "none"; });
    outcome = desk.outcome_of(3);
  });
  CHECK(outcome == "cancelled");
  CHECK(desk.outcome_of(4) == "8");
  CHECK(desk.batches() == Batches{{2, 3, 4}});
}

TEST_CASE("a deadline holds in the queue and in another caller's batch", "[batcher]") {
  Desk desk(1);
  SECTION("in the queue") {
    const auto first = desk.occupy(1);
    CHECK_THROWS_AS(desk.call(2, {.limit = kWide, .deadline = Deadline::after(20ms)}), AcquireTimeout);
    desk.gate().open();
  }
  SECTION("in the batch") {
    std::string outcome;
    desk.gate_batches(true);
    with_passenger(desk, {.limit = kWide, .deadline = Deadline::after(kSlowdown > 1 ? 1s : 200ms)}, [&] {
      (void)eventually([&] { return desk.outcome_of(3) != "none"; });
      outcome = desk.outcome_of(3);
    });
    CHECK(outcome == "deadline_exceeded");
    CHECK(desk.outcome_of(4) == "8");
  }
  CHECK(desk.batcher().stats().waiting == 0);
}

TEST_CASE("a leader that gives up while it waits for an instance is followed by the next", "[batcher]") {
  Desk desk(1);
  std::optional<Lease<Probe>> lease(desk.pool().acquire());
  std::string outcome;
  std::stop_source stop;
  {
    std::jthread leader([&] {
      try {
        (void)desk.call(1, {.limit = kWide, .stop = stop.get_token()});
      } catch (const Error& error) {
        outcome = error.code();
      }
    });
    REQUIRE(waiting(desk.pool(), 1));
    const auto second = desk.caller(2);
    const auto third = desk.caller(3);
    stop.request_stop();
    leader.join();
    REQUIRE(waiting(desk.pool(), 1));
    lease.reset();
  }
  CHECK(outcome == "cancelled");
  CHECK(desk.batches() == Batches{{2, 3}});
}

TEST_CASE("exclusive access keeps batches out, and its holder may call", "[batcher]") {
  Desk desk(2);
  {
    std::jthread caller;
    {
      const auto all = desk.pool().acquire_exclusive();
      caller = std::jthread([&] { (void)desk.call(1); });
      REQUIRE(waiting(desk.pool(), 1));
      CHECK(desk.call(2) == 4);
      CHECK(desk.batches() == Batches{{2}});
    }
  }
  CHECK(desk.batches() == Batches{{2}, {1}});
}

TEST_CASE("a thread that holds every instance is told so by its call", "[batcher]") {
  Desk desk(1);
  std::optional<std::jthread> leader;
  {
    const auto lease = desk.pool().acquire();
    leader.emplace([&] { (void)desk.call(1); });
    REQUIRE(waiting(desk.pool(), 1));
    CHECK_THROWS_AS(desk.call(2), DeadlockError);
  }
}

TEST_CASE("cleanup sends away who waits, and afterwards there is work again", "[batcher]") {
  Desk desk(1);
  {
    std::jthread first = desk.occupy(1);
    const auto second = desk.caller(2);
    const auto third = desk.caller(3);
    std::jthread opener([&] {
      (void)eventually([&] { return desk.pool().stats().size == 1; });
      std::this_thread::sleep_for(20ms);
      desk.gate().open();
    });
    CHECK(desk.pool().cleanup(10s).detached == 0);
  }
  // Either they were sent away during the cleanup or they came after it; none was lost.
  for (const int in : {2, 3})
    CHECK((desk.outcome_of(in) == "pool_closed" || desk.outcome_of(in) == std::to_string(2 * in)));
  CHECK(desk.call(4) == 8);
  CHECK(desk.pool().shrink(0).destroyed == 1);
  CHECK(desk.call(5) == 10);
}

TEST_CASE("after close every caller gets pool_closed", "[batcher]") {
  Desk desk(1);
  {
    const auto first = desk.occupy(1);
    const auto second = desk.caller(2);
    CHECK_FALSE(desk.pool().close(0s));
    desk.gate().open();
  }
  CHECK(desk.outcome_of(2) == "pool_closed");
  CHECK_THROWS_AS(desk.call(3), PoolClosed);
}

TEST_CASE("an instance that cannot be made is told to all who would have shared it", "[batcher]") {
  Gate creating;
  std::atomic<int> calls{0};
  Desk desk(1, [&] {
    if (calls++ > 0) return;
    creating.pass();
    throw std::runtime_error("no such file");
  });
  std::string outcome;
  {
    std::jthread leader([&] {
      try {
        (void)desk.call(1);
      } catch (const Error& error) {
        outcome = error.code();
      }
    });
    REQUIRE(creating.wait_for_arrivals(1));
    const auto second = desk.caller(2);
    const auto third = desk.caller(3);
    creating.open();
  }
  CHECK(outcome == "create_failed");
  CHECK(desk.outcome_of(2) == "create_failed");
  CHECK(desk.outcome_of(3) == "create_failed");
  CHECK(desk.call(4) == 8);
}

TEST_CASE("a caller of one waits for about two batches of a caller of ten thousand", "[batcher]") {
  Desk desk(2);
  const BatchSize limit{512, 512};
  std::atomic<bool> over{false};
  std::vector<std::uint64_t> passed;
  {
    std::vector<std::jthread> many;
    for (int i = 0; i < 2; ++i) {  // as a call of many texts does: as many slices at once as there are instances
      many.emplace_back([&] {
        while (!over) (void)desk.call(1, {.size = limit, .limit = limit});
      });
    }
    for (int i = 0; i < 200; ++i) {
      const auto before = desk.batcher().stats().batches;
      (void)desk.call(2, {.limit = limit});
      passed.push_back(desk.batcher().stats().batches - before);
    }
    over = true;
  }
  std::ranges::sort(passed);
  CHECK(passed[passed.size() / 2] <= 6);
}

TEST_CASE("with more instances more callers lead, with fewer fewer", "[batcher]") {
  Desk desk(1);
  desk.pool().resize(2);
  const auto first = desk.occupy(1);
  const auto second = desk.caller(2);
  CHECK(desk.outcome_of(2) == "none");
  desk.batcher().set_instances(2);
  CHECK(eventually([&] { return desk.outcome_of(2) == "4"; }));
  desk.batcher().set_instances(1);
  const auto third = desk.caller(3);
  CHECK(desk.outcome_of(3) == "none");
  desk.gate().open();
}

TEST_CASE("a lone caller pays less than two in a hundred for the batcher", "[batcher]") {
  ModelPool<int> pool{[] { return std::make_unique<int>(0); }, {.max_size = 2}};
  const auto spin = [] {  // a forward of a tenth of a millisecond
    const auto end = Clock::now() + 100us;
    while (Clock::now() < end) {
    }
  };
  Batcher<int, Work> batcher(pool, 2, [&](int&, std::span<Work* const>) { spin(); });
  auto least = nanoseconds::max();
  auto least_direct = nanoseconds::max();
  for (int i = 0; i < 500; ++i) {
    const auto start = Clock::now();
    pool.run([&](int&) { spin(); });
    const auto between = Clock::now();
    batcher.run(std::make_shared<Work>(), {.limit = kWide});
    const auto end = Clock::now();
    least_direct = std::min(least_direct, nanoseconds(between - start));
    least = std::min(least, nanoseconds(end - between));
  }
  CHECK(least - least_direct < 2us * kSlowdown);
}
