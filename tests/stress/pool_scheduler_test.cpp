// SPDX-License-Identifier: Apache-2.0
// Every interleaving with at most three pre-emptions of three threads on two objects, driven through the pool's real core;
// and mistakes made on purpose, each of which the same scenarios must find.
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "modelpool/pool/detail/pool_core_impl.hpp"
#include "support/catch.hpp"
#include "support/scheduler.hpp"

namespace {

using namespace modelpool;
using namespace modelpool::detail;
using Core = PoolCore<sim::Platform>;
using SimSlot = Slot<sim::Platform>;
using sim::Scheduler;

struct Object {
  bool in_use = false;
  bool alive = true;
};

// One execution: a pool, its objects, and what must hold.
class World : public InstanceOps {
 public:
  void* create(std::exception_ptr& cause) noexcept override {
    Scheduler::current().point();
    if (failures > 0) {
      --failures;
      cause = std::make_exception_ptr(std::runtime_error("no"));
      return nullptr;
    }
    ++shared.alive;
    shared.objects.push_back(std::make_unique<Object>());
    return shared.objects.back().get();
  }
  void destroy(void* pointer) noexcept override {
    Scheduler::current().point();
    Object& object = *static_cast<Object*>(pointer);
    if (object.in_use) Scheduler::current().fail("an object was destroyed while it was leased");
    if (!object.alive) Scheduler::current().fail("an object was destroyed twice");
    object.alive = false;
    --shared.alive;
  }
  std::size_t bytes(const void*) noexcept override { return 1; }
  bool plain() const noexcept override { return true; }
  void on_create(std::uint64_t, Nanos) noexcept override {}
  void before_destroy(std::uint64_t, Nanos, DestroyReason) noexcept override {}
  void on_leak(std::uint64_t, std::uint64_t, Nanos) noexcept override {}

  // Outlives the core, which owns the World.
  struct Shared {
    int alive = 0;
    std::vector<std::unique_ptr<Object>> objects;
  };
  World(Shared& s, int f) : failures(f), shared(s) {}
  int failures;
  Shared& shared;
};

struct Run;
using Body = std::function<void(Run&)>;

struct Scenario {
  std::string name;
  PoolSettings settings;
  std::size_t warm = 0;
  int create_failures = 0;
  std::vector<Body> threads;
  Body check = [](Run&) {};
  unsigned preemptions = 3;
};

// What the bodies of a scenario share.
struct Run {
  Core* core = nullptr;
  sim::StopSource stop;
  std::vector<int> got = std::vector<int>(8, 0);           // leases by thread
  std::vector<bool> asking = std::vector<bool>(8, false);  // in acquire
  int failed = 0, timed_out = 0, cancelled = 0, refused = 0;
  int users = 0;
  bool exclusive = false;
  std::size_t first_thread = 0;
  int event = 0;

  static void require(bool holds, const char* what) {
    if (!holds) Scheduler::current().fail(what);
  }
  std::size_t self() const { return Scheduler::current().self() - first_thread; }

  SimSlot* acquire(Core::Request request = {}) {
    const std::size_t me = self();
    const std::vector<std::size_t> before = sleepers();
    asking[me] = true;
    SimSlot* slot = core->try_fast();
    if (slot == nullptr) {
      const auto outcome = core->acquire(request);
      failed += outcome.status == AcquireStatus::failed;
      timed_out += outcome.status == AcquireStatus::timed_out;
      cancelled += outcome.status == AcquireStatus::cancelled;
      refused += outcome.status == AcquireStatus::closed;
      slot = outcome.slot;
    }
    asking[me] = false;
    if (slot != nullptr) {
      ++got[me];
      // With one object the order of leases is the order of hand-offs.
      if (core->settings().max_size == 1 && core->settings().fairness == Fairness::fifo &&
          !request.stop.stop_possible())
        for (const std::size_t thread : before)
          require(!asking[thread] || got[thread] > 0, "a newcomer passed a waiting thread");
    }
    return slot;
  }
  std::vector<std::size_t> sleepers() const {
    std::vector<std::size_t> list;
    for (std::size_t i = 0; i < 3; ++i)
      if (asking[i] && got[i] == 0 && Scheduler::current().is_parked(first_thread + i)) list.push_back(i);
    return list;
  }
  void use(SimSlot* slot) {
    if (slot == nullptr) return;
    Object& object = *static_cast<Object*>(slot->object);
    require(object.alive, "a lease gives an object that is destroyed");
    require(!object.in_use, "two threads use one object");
    require(!exclusive, "a thread uses an object while another one has exclusive access");
    object.in_use = true;
    ++users;
    Scheduler::current().point();
    --users;
    object.in_use = false;
  }
  void release(SimSlot* slot) {
    if (slot == nullptr) return;
    core->finish_lease(*slot);
    if (!Core::release_fast(*slot)) core->release(*slot, std::nullopt);
  }
  void cycle(Core::Request request = {}) {
    SimSlot* slot = acquire(request);
    use(slot);
    release(slot);
  }
  void wait_for_event() {
    while (event == 0) Scheduler::current().block(&event, kNever);
  }
  void signal_event() {
    event = 1;
    Scheduler::current().unblock(&event);
  }
};

Core::Request soon() { return {.deadline = Scheduler::current().now() + 1'000'000}; }

PoolSettings settings(std::size_t max_size) {
  return {.max_size = max_size,
          .name = "sim",
          .max_bypass = std::chrono::nanoseconds(1),
          .create_backoff = std::chrono::seconds(1),
          .create_backoff_max = std::chrono::seconds(1)};
}
PoolSettings throughput(std::size_t max_size) {
  PoolSettings result = settings(max_size);
  result.fairness = Fairness::throughput;
  return result;
}

void check_counts(Run& run, const World::Shared& shared) {
  const PoolStats stats = run.core->stats();
  Run::require(stats.idle + stats.leased + stats.creating + stats.retiring == stats.size, "the counts do not add up");
  Run::require(stats.size <= stats.max_size, "the pool is larger than max_size");
  Run::require(stats.leased == 0, "a lease was lost");
  Run::require(stats.waiting == 0, "a waiter was left behind");
  Run::require(static_cast<int>(stats.size) == shared.alive, "objects and counts differ");
  if (stats.closed) {
    Run::require(stats.size == 0, "a closed pool keeps objects");
    return;
  }
  std::vector<SimSlot*> all;  // as many leases as max_size can be had: nothing was lost
  for (std::size_t i = 0; i < stats.target_max_size; ++i) {
    const auto outcome = run.core->acquire({});
    Run::require(outcome.slot != nullptr, "the pool does not give what it has");
    all.push_back(outcome.slot);
  }
  for (SimSlot* slot : all) run.release(slot);
}

void execute(const Scenario& scenario, Scheduler& scheduler) {
  World::Shared shared;
  Run run;
  scheduler.start([&] {
    run.core = new Core(scenario.settings, std::make_unique<World>(shared, 0));
    std::exception_ptr ignored;
    if (scenario.warm > 0) run.core->wait_until(WaitKind::warm, scenario.warm, kNever, ignored);
    static_cast<World&>(run.core->ops()).failures = scenario.create_failures;
  });
  scheduler.run_all(false);
  run.first_thread = scheduler.num_threads();
  for (const Body& body : scenario.threads) scheduler.start([&] { body(run); });
  scheduler.run_all(true);
  if (scheduler.failed()) return;
  scheduler.start([&] {
    scenario.check(run);
    check_counts(run, shared);
    run.core->orphan(kNever);
    Run::require(shared.alive == 0, "an object outlives the pool");
  });
  scheduler.run_all(false);
}

const Body kCycle = [](Run& run) { run.cycle(); };
const Body kTimedCycle = [](Run& run) { run.cycle(soon()); };

Scenario leases_fifo(std::size_t objects) {
  return {.name = "leases", .settings = settings(objects), .warm = objects, .threads = {kCycle, kCycle, kCycle}};
}
Scenario leases_throughput(std::size_t objects) {
  return {.name = "throughput", .settings = throughput(objects), .warm = objects, .threads = {kCycle, kCycle, kCycle}};
}
Scenario time_outs() {
  return {.name = "time-outs", .settings = settings(1), .warm = 1, .threads = {kCycle, kTimedCycle, kCycle}};
}
Scenario time_outs_throughput() {
  return {
      .name = "time-outs, throughput", .settings = throughput(1), .warm = 1, .threads = {kCycle, kTimedCycle, kCycle}};
}
Scenario cancelling() {
  return {.name = "cancelling",
          .settings = settings(1),
          .warm = 1,
          .threads = {kCycle, [](Run& run) { run.cycle({.stop = sim::StopToken(run.stop)}); },
                      [](Run& run) { run.stop.request_stop(); }}};
}
Scenario create_failure() {
  return {.name = "create failure",
          .settings = settings(2),
          .create_failures = 1,
          .threads = {kCycle, kCycle},
          .check = [](Run& run) { Run::require(run.failed == 1, "not exactly one caller was told of the failure"); }};
}
Scenario resizing() {
  return {.name = "resizing",
          .settings = settings(1),
          .warm = 1,
          .threads = {[](Run& run) {
                        SimSlot* slot = run.acquire();
                        run.use(slot);
                        run.wait_for_event();
                        run.release(slot);
                      },
                      [](Run& run) {
                        SimSlot* slot = run.acquire();
                        run.use(slot);
                        run.signal_event();
                        run.release(slot);
                      },
                      [](Run& run) { run.core->resize(2); }},
          .preemptions = 2};
}
Scenario resizing_down() {
  return {.name = "resizing down", .settings = settings(2), .warm = 2, .threads = {kCycle, kCycle, [](Run& run) {
                                                                                     run.core->resize(1);
                                                                                   }}};
}
Scenario closing() {
  return {.name = "closing", .settings = settings(1), .threads = {kCycle, [](Run& run) { run.core->close(kNever); }}};
}
Scenario exclusive_access() {
  return {.name = "exclusive access",
          .settings = settings(2),
          .warm = 2,
          .threads = {kCycle, kCycle, [](Run& run) {
                        const auto outcome = run.core->acquire({.kind = WaitKind::exclusive});
                        Run::require(outcome.status == AcquireStatus::granted, "exclusive access was not given");
                        Run::require(run.users == 0, "exclusive access was given while a lease was out");
                        run.exclusive = true;
                        Scheduler::current().point();
                        const auto again = run.core->acquire({});
                        Run::require(again.slot != nullptr, "the thread with exclusive access was refused");
                        run.exclusive = false;
                        run.release(again.slot);
                        run.core->end_exclusive(outcome.period);
                      }}};
}
// One thread holds a lease and asks for another one, in the midst of which a second thread asks for the whole pool.
Scenario nested_beside_exclusive_access() {
  return {.name = "nested beside exclusive access",
          .settings = settings(2),
          .warm = 2,
          .threads = {[](Run& run) {
                        SimSlot* first = run.acquire();
                        run.use(first);
                        SimSlot* second = run.acquire();
                        run.use(second);
                        run.release(second);
                        run.release(first);
                      },
                      [](Run& run) {
                        const auto outcome = run.core->acquire({.kind = WaitKind::exclusive});
                        Run::require(outcome.status == AcquireStatus::granted, "exclusive access was not given");
                        Run::require(run.users == 0, "exclusive access was given while a lease was out");
                        run.core->end_exclusive(outcome.period);
                      },
                      kCycle}};
}
Scenario shrinking() {
  return {
      .name = "shrinking",
      .settings = settings(2),
      .warm = 2,
      .threads = {kCycle, [](Run& run) { run.core->shrink(0); }},
  };
}
Scenario pausing() {
  return {.name = "pausing", .settings = settings(1), .warm = 1, .threads = {kCycle, kCycle, [](Run& run) {
                                                                               run.core->set_paused(true);
                                                                               run.core->set_paused(false);
                                                                             }}};
}
Scenario watching() {
  return {.name = "watching", .settings = settings(2), .warm = 2, .threads = {kCycle, kCycle, [](Run& run) {
                                                                                std::exception_ptr ignored;
                                                                                run.core->wait_until(
                                                                                    WaitKind::available, 1, kNever,
                                                                                    ignored);
                                                                              }}};
}
Scenario cleaning() {
  return {.name = "cleaning",
          .settings = settings(1),
          .warm = 1,
          .threads = {kCycle, [](Run& run) { run.core->cleanup(Scheduler::current().now() + 1'000'000); }}};
}

Scheduler::Report explore(const Scenario& scenario, Defect defect) {
  sim::Platform::seeded = defect;
  const auto report =
      Scheduler::explore(scenario.preemptions, 20'000'000, [&](Scheduler& scheduler) { execute(scenario, scheduler); });
  sim::Platform::seeded = Defect::none;
  return report;
}

void passes(const Scenario& scenario) {
  const auto report = explore(scenario, Defect::none);
  INFO(scenario.name << ": " << report.executions << " executions, the longest of " << report.longest << " points");
  CHECK(report.failure == "");
  CHECK(report.complete);
}

void finds(Defect defect, const Scenario& scenario, const std::string& symptom) {
  const auto report = explore(scenario, defect);
  INFO(scenario.name << ": " << report.executions << " executions");
  CHECK(report.failure.substr(0, report.failure.find(" (")) == symptom);
}

}  // namespace

TEST_CASE("no interleaving loses a lease, a waiter or the order of waiters", "[pool][scheduler]") {
  passes(GENERATE(leases_fifo(1), leases_fifo(2)));
}
TEST_CASE("no interleaving of throughput mode loses a lease or a waiter", "[pool][scheduler]") {
  passes(GENERATE(leases_throughput(1), leases_throughput(2)));
}
TEST_CASE("no interleaving of a time-out and a hand-off loses the instance", "[pool][scheduler]") {
  passes(GENERATE(time_outs(), time_outs_throughput()));
}
TEST_CASE("no interleaving of a cancellation and a hand-off loses the instance", "[pool][scheduler]") {
  passes(cancelling());
}
TEST_CASE("no interleaving of a failing factory leaves a caller waiting or tells two", "[pool][scheduler]") {
  passes(create_failure());
}
TEST_CASE("no interleaving of resize leaves a waiter unserved or an instance too many", "[pool][scheduler]") {
  passes(GENERATE(resizing(), resizing_down()));
}
TEST_CASE("no interleaving of close keeps an instance or a caller", "[pool][scheduler]") { passes(closing()); }
TEST_CASE("no interleaving lets anybody use the pool beside exclusive access", "[pool][scheduler]") {
  passes(exclusive_access());
}
TEST_CASE("no interleaving of a second lease of one thread and exclusive access makes them wait for each other",
          "[pool][scheduler]") {
  passes(nested_beside_exclusive_access());
}
TEST_CASE("no interleaving of shrink destroys a leased instance", "[pool][scheduler]") { passes(shrinking()); }
TEST_CASE("no interleaving of pause and resume forgets a waiter", "[pool][scheduler]") { passes(pausing()); }
TEST_CASE("no interleaving of wait_available misses the moment", "[pool][scheduler]") { passes(watching()); }
TEST_CASE("no interleaving of cleanup loses an instance or its lease", "[pool][scheduler]") { passes(cleaning()); }

TEST_CASE("the scheduler finds a baton dropped on time-out", "[pool][defects]") {
  finds(Defect::baton_dropped_on_timeout, time_outs(), "a lease was lost");
}
TEST_CASE("the scheduler finds a cancelled waiter that was not removed", "[pool][defects]") {
  finds(Defect::cancelled_waiter_not_removed, cancelling(), "a lease was lost");
}
TEST_CASE("the scheduler finds a count that drifts on a failed creation", "[pool][defects]") {
  finds(Defect::count_drift_on_create_failure, create_failure(), "a thread waits for ever");
}
TEST_CASE("the scheduler finds a missed wake on release", "[pool][defects]") {
  finds(Defect::missed_wake_on_release, leases_fifo(2), "a thread waits for ever");
}
TEST_CASE("the scheduler finds a waiter that checks and then parks", "[pool][defects]") {
  finds(Defect::check_then_park, leases_fifo(2), "a thread waits for ever");
}
TEST_CASE("the scheduler finds a double hand-off", "[pool][defects]") {
  finds(Defect::double_hand_off, leases_fifo(1), "two threads use one object");
}
TEST_CASE("the scheduler finds a lost wake on resize", "[pool][defects]") {
  finds(Defect::lost_wake_on_resize, resizing(), "a thread waits for ever");
}
TEST_CASE("the scheduler finds a creation that does not see that the pool was closed", "[pool][defects]") {
  finds(Defect::closed_not_rechecked, closing(), "a thread waits for ever");
}
TEST_CASE("the scheduler finds exclusive access that passes a lease", "[pool][defects]") {
  finds(Defect::exclusive_passes_a_lease, exclusive_access(), "exclusive access was given while a lease was out");
}
TEST_CASE("the scheduler finds a newcomer that passes the queue", "[pool][defects]") {
  finds(Defect::newcomer_barges, leases_fifo(1), "a newcomer passed a waiting thread");
}
TEST_CASE("the scheduler finds an instance destroyed while it is leased", "[pool][defects]") {
  finds(Defect::destroyed_while_leased, shrinking(), "objects and counts differ");
}
TEST_CASE("the scheduler finds a failed creation that tells nobody", "[pool][defects]") {
  finds(Defect::wait_forgotten_after_failure, create_failure(), "not exactly one caller was told of the failure");
}
