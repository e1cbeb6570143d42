// SPDX-License-Identifier: Apache-2.0
// Everything of the user's that a pool calls may succeed, throw, be slow or hang, and callers may go away at any of these
// moments: all 256 combinations for create, validate, reset and destroy, with each way to go away.
#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>

#include "support/catch.hpp"
#include "support/pool_testing.hpp"

using namespace modelpool;
using namespace modelpool::test;

namespace {

enum class Fault { ok, fails, slow, hangs };
enum class Cancel { none, stop, timeout, close };
enum Point : std::size_t { kCreate, kValidate, kReset, kDestroy, kPoints };

struct Scenario {
  std::array<Fault, kPoints> faults{};
  Cancel cancel = Cancel::none;
  Fairness fairness = Fairness::fifo;

  [[nodiscard]] bool hangs() const {
    for (const Fault fault : faults)
      if (fault == Fault::hangs) return true;
    return false;
  }
  [[nodiscard]] std::string text() const {
    constexpr std::array names{"ok", "fails", "slow", "hangs"};
    constexpr std::array cancels{"nobody cancels", "stop", "timeout", "close"};
    std::string text;
    for (const Fault fault : faults) text += std::string(names[static_cast<std::size_t>(fault)]) + '/';
    return "create/validate/reset/destroy " + text + ' ' + cancels[static_cast<std::size_t>(cancel)] +
           (fairness == Fairness::fifo ? ", fifo" : ", throughput");
  }
};

// What the user's functions do in one scenario: every other call at a point has that point's fault.
struct Script {
  explicit Script(const Scenario& scenario_) : scenario(scenario_) {}

  void at(Point point) {
    if (!faulty.load() || calls[point].fetch_add(1) % 2 == 1) return;
    switch (scenario.faults[point]) {
      case Fault::ok:
        return;
      case Fault::fails:
        throw std::runtime_error("scripted");
      case Fault::slow:
        std::this_thread::sleep_for(100us);
        return;
      case Fault::hangs:
        hang.pass();
        return;
    }
  }

  const Scenario scenario;
  Population population;
  Gate hang;
  std::atomic<bool> faulty{true};
  std::array<std::atomic<unsigned>, kPoints> calls{};
};

class Instance {
 public:
  explicit Instance(Script& script) : probe(script.population), script_(script) {}
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;
  ~Instance() noexcept(false) { script_.at(kDestroy); }

  Probe probe;

 private:
  Script& script_;
};

PoolOptions<Instance> options_for(Script& script) {
  PoolOptions<Instance> options{.max_size = 2};
  options.fairness = script.scenario.fairness;
  options.max_concurrent_creates = 2;
  options.create_backoff = 20us;
  options.create_backoff_max = 100us;
  options.validate = [&script](Instance&) {
    try {
      script.at(kValidate);
    } catch (...) {
      return false;
    }
    return true;
  };
  options.reset = [&script](Instance&) { script.at(kReset); };
  return options;
}

struct Tally {
  std::atomic<int> leases{0}, timeouts{0}, cancelled{0}, closed{0}, create_failed{0}, inconsistent{0}, done{0};
};

void work(ModelPool<Instance>& pool, const AcquireOptions& options, Tally& tally) {
  try {
    auto lease = pool.acquire(options);
    const auto use = lease->probe.use();
    ++tally.leases;
  } catch (const AcquireTimeout&) {
    ++tally.timeouts;
  } catch (const Cancelled&) {
    ++tally.cancelled;
  } catch (const PoolClosed&) {
    ++tally.closed;
  } catch (const CreateFailed&) {
    ++tally.create_failed;
  }
  if (!consistent(pool.stats())) ++tally.inconsistent;
}

// Goes away from the callers' side while somebody hangs, if anybody does; then lets the hanging go on.
void cancel_and_let_go(const Scenario& scenario, ModelPool<Instance>& pool, std::stop_source& stop, Script& script,
                       const Tally& tally, int callers) {
  if (scenario.hangs()) (void)eventually([&] { return script.hang.waiting() > 0 || tally.done.load() == callers; });
  if (scenario.cancel == Cancel::stop) stop.request_stop();
  std::jthread closer;  // it destroys idle instances, and may hang in that
  if (scenario.cancel == Cancel::close) {
    closer = std::jthread([&pool] { pool.close(0ns); });
    (void)eventually([&] { return pool.stats().closed; });
  }
  if (scenario.cancel == Cancel::timeout && scenario.hangs())
    (void)eventually([&] { return tally.timeouts.load() > 0 || tally.done.load() == callers; }, 3ms);
  script.hang.open();
}

// The last faulty factory calls, at most one for each place, may still be under way and tell their failure.
Lease<Instance> acquire_after_faults(ModelPool<Instance>& pool) {
  for (int late_failures = 2;; --late_failures) try {
      return pool.acquire({.timeout = 10s * kSlowdown});
    } catch (const CreateFailed&) {
      if (late_failures == 0) throw;
    }
}

// @return  empty, or what was wrong
std::string problem_after(const Scenario& scenario, ModelPool<Instance>& pool, const Tally& tally) {
  if (tally.inconsistent.load() > 0) return "an inconsistent snapshot";
  try {
    auto first = acquire_after_faults(pool);
    auto second = acquire_after_faults(pool);
    const auto use_first = first->probe.use(), use_second = second->probe.use();
    if (!consistent(pool.stats())) return "an inconsistent snapshot at the end";
    return scenario.cancel == Cancel::close ? "a closed pool gave a lease" : "";
  } catch (const PoolClosed&) {
    return scenario.cancel == Cancel::close ? "" : "the pool was closed by nobody";
  } catch (const std::exception& error) {
    return error.what();
  }
}

std::string problem_of(const Scenario& scenario) {
  constexpr int kCallers = 3;
  Script script(scenario);
  std::string problem;
  {
    ModelPool<Instance> pool{[&script] {
                               script.at(kCreate);
                               return std::make_unique<Instance>(script);
                             },
                             options_for(script)};
    Tally tally;
    std::stop_source stop;
    const Watchdog dog([&] { return static_cast<std::uint64_t>(tally.done.load()); },
                       [&] { return scenario.text() + ": " + summary(pool.stats()); });
    const auto timeout = scenario.cancel == Cancel::timeout ? nanoseconds(500us) : nanoseconds(20s * kSlowdown);
    std::jthread controller([&] { cancel_and_let_go(scenario, pool, stop, script, tally, kCallers); });
    const auto escaped = run_threads(kCallers, [&](int) {
      for (int round = 0; round < 3; ++round)
        work(pool, {.timeout = timeout, .stop = stop.get_token(), .destroy_after_use = round == 1}, tally);
      ++tally.done;
    });
    controller.join();
    script.faulty = false;
    problem = escaped.empty() ? problem_after(scenario, pool, tally) : escaped.front();
  }
  if (script.population.misuses.load() > 0) problem += " misused instance";
  if (script.population.alive() != 0) problem += " created != destroyed";
  return problem;
}

void run_all(Cancel cancel) {
  for (unsigned i = 0; i < 256; ++i) {
    Scenario scenario{.cancel = cancel,
                      .fairness = (i ^ i >> 2 ^ i >> 4) % 2 == 0 ? Fairness::fifo : Fairness::throughput};
    for (std::size_t point = 0; point < kPoints; ++point)
      scenario.faults[point] = static_cast<Fault>(i >> (2 * point) & 3U);
    const std::string problem = problem_of(scenario);
    INFO(scenario.text());
    CHECK(problem == "");
  }
}

}  // namespace

TEST_CASE("no combination of faults loses or shares an instance, hangs, or leaves the pool unusable",
          "[stress][pool][faults]") {
  run_all(Cancel::none);
}

TEST_CASE("callers may be cancelled at every fault", "[stress][pool][faults]") { run_all(Cancel::stop); }

TEST_CASE("callers may time out at every fault", "[stress][pool][faults]") { run_all(Cancel::timeout); }

TEST_CASE("the pool may be closed at every fault", "[stress][pool][faults]") { run_all(Cancel::close); }
