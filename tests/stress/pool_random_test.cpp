// SPDX-License-Identifier: Apache-2.0
// Everything at once, in random order, with deadlines of 0 to 2,000 ns among others. MODELPOOL_STRESS_SEED repeats a run,
// MODELPOOL_STRESS_OPS sets the number of operations of each thread.
#include <array>
#include <atomic>
#include <cstdint>
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

using Random = std::mt19937_64;

std::uint64_t below(Random& random, std::uint64_t bound) { return random() % bound; }

// Leases on their way from one thread to another.
class Mailbox {
 public:
  void put(Lease<Probe> lease) {
    const std::lock_guard lock(mutex_);
    leases_.push_back(std::move(lease));
  }
  std::optional<Lease<Probe>> take() {
    const std::lock_guard lock(mutex_);
    if (leases_.empty()) return std::nullopt;
    std::optional<Lease<Probe>> lease(std::move(leases_.back()));
    leases_.pop_back();
    return lease;
  }

 private:
  std::mutex mutex_;
  std::vector<Lease<Probe>> leases_;
};

// What the callers saw. The pool's own counts must agree.
struct Seen {
  std::atomic<std::uint64_t> leases{0}, timeouts{0}, cancelled{0}, rejected{0}, failed{0}, detached{0}, inconsistent{0};
  std::atomic<std::uint64_t> operations{0};
};

class Storm {
 public:
  Storm(Fairness fairness, bool cleanups, std::uint64_t seed)
      : seed_(seed),
        cleanups_(cleanups),
        pool_([this] { return create(); }, {.max_size = 3,
                                            .fairness = fairness,
                                            .max_waiting = 5,
                                            .max_concurrent_creates = 2,
                                            .create_backoff = 10us,
                                            .create_backoff_max = 50us,
                                            .validate = [this](Probe&) { return mostly(); },
                                            .reset = [this](Probe&) { fail_sometimes(); }}) {}

  void run(int threads, std::uint64_t operations) {
    {
      const Watchdog dog = watch(pool_);
      escaped_ = run_threads(threads, [&](int i) {
        Random random(seed_ + static_cast<std::uint64_t>(i));
        for (std::uint64_t n = 0; n < operations; ++n) step(random);
      });
    }
    while (mailbox_.take()) {
    }
  }
  ModelPool<Probe>& pool() { return pool_; }
  const Seen& seen() const { return seen_; }
  const std::vector<std::string>& escaped() const { return escaped_; }
  Population& population() { return population_; }

 private:
  // The pool's threads have no generator of their own.
  bool mostly() { return (counter_.fetch_add(0x9E3779B97F4A7C15U) >> 20U) % 50 != 0; }
  void fail_sometimes() {
    if (!mostly()) throw std::runtime_error("scripted");
  }
  std::unique_ptr<Probe> create() {
    fail_sometimes();
    return std::make_unique<Probe>(population_);
  }

  static nanoseconds deadline(Random& random) {
    switch (below(random, 10)) {
      case 0:
        return nanoseconds(below(random, 20'000'000));
      case 1:
      case 2:
        return nanoseconds(below(random, 200'000));
      default:
        return nanoseconds(below(random, 2'001));
    }
  }

  template <class Function>
  void attempt(Function&& function) {
    try {
      function();
    } catch (const AcquireTimeout&) {
      ++seen_.timeouts;
    } catch (const Cancelled&) {
      ++seen_.cancelled;
    } catch (const CreateFailed&) {
      ++seen_.failed;
    } catch (const Overloaded&) {
      ++seen_.rejected;
    } catch (const DeadlockError&) {
      ++seen_.rejected;
    } catch (const PoolClosed&) {
      ++seen_.rejected;
    }
  }

  void use(Probe& probe) {
    ++seen_.leases;
    const auto use = probe.use();
  }

  void acquire(Random& random) {
    attempt([&] {
      auto lease = pool_.acquire({.timeout = deadline(random), .destroy_after_use = below(random, 40) == 0});
      use(*lease);
      switch (below(random, 16)) {
        case 0:
          return lease.destroy();
        case 1:
          return detach(lease);
        case 2:
          return mailbox_.put(std::move(lease));
        case 3:
          return nested(random);
        default:
          return;
      }
    });
  }
  void detach(Lease<Probe>& lease) {
    const auto kept = lease.detach();
    ++seen_.detached;
    const auto use = kept->use();
  }
  void nested(Random& random) {
    attempt([&] {
      const auto second = pool_.acquire({.timeout = deadline(random)});
      use(*second);
    });
  }
  void acquire_with_stop(Random& random) {
    std::stop_source stop;
    if (below(random, 4) == 0) stop.request_stop();
    const auto delay = below(random, 2'001);
    std::jthread canceller;
    if (below(random, 8) == 0)
      canceller = std::jthread([&stop, delay] {
        std::this_thread::sleep_for(nanoseconds(delay));
        stop.request_stop();
      });
    attempt([&] {
      const auto lease = pool_.acquire({.timeout = deadline(random), .stop = stop.get_token()});
      use(*lease);
    });
  }
  void try_acquire() {
    if (const auto lease = pool_.try_acquire()) use(**lease);
  }
  void exclusive(Random& random) {
    attempt([&] {
      auto all = pool_.acquire_exclusive({.timeout = deadline(random)});
      use(*all);
      if (below(random, 2) == 0) nested(random);
      if (!cleanups_ && pool_.stats().leased != 1) ++seen_.inconsistent;
    });
  }
  void pause() {
    pool_.pause();
    std::this_thread::yield();
    pool_.resume();
  }
  void cleanup(Random& random) {
    if (cleanups_) (void)pool_.cleanup(deadline(random));
  }
  void look() {
    if (!consistent(pool_.stats())) ++seen_.inconsistent;
  }

  void step(Random& random) {
    ++seen_.operations;
    switch (const auto n = below(random, 100); n) {
      case 0:
        return (void)pool_.shrink(below(random, 4));
      case 1:
        return pool_.resize(1 + below(random, 5));
      case 2:
        return pause();
      case 3:
        return cleanup(random);
      case 4:
      case 5:
        return (void)pool_.wait_available(below(random, 4), deadline(random));
      default:
        if (n < 10) return exclusive(random);
        if (n < 20) return look();
        if (n < 30) return try_acquire();
        if (n < 35) return acquire_with_stop(random);
        if (n < 45) return (void)mailbox_.take();
        return acquire(random);
    }
  }

  const std::uint64_t seed_;
  const bool cleanups_;  // they cut leases off, an exclusive one too
  std::atomic<std::uint64_t> counter_{seed_};
  Population population_;
  Seen seen_;
  std::vector<std::string> escaped_;
  ModelPool<Probe> pool_;
  Mailbox mailbox_;
};

void run_storm(Fairness fairness, bool cleanups) {
  const std::uint64_t seed = from_environment("MODELPOOL_STRESS_SEED", std::random_device{}());
  const std::uint64_t operations = from_environment("MODELPOOL_STRESS_OPS", 20'000 / kSlowdown);
  std::fprintf(stderr, "MODELPOOL_STRESS_SEED=%llu\n", static_cast<unsigned long long>(seed));
  INFO("MODELPOOL_STRESS_SEED=" << seed);
  Storm storm(fairness, cleanups, seed);
  storm.run(8, operations);
  CHECK(storm.escaped().empty());

  const Seen& seen = storm.seen();
  const PoolStats stats = storm.pool().stats();
  INFO(summary(stats));
  CHECK(seen.inconsistent.load() == 0);
  CHECK(consistent(stats));
  CHECK(stats.leased == 0);
  CHECK(stats.waiting == 0);
  CHECK(stats.direct + stats.waited == seen.leases.load());
  CHECK(stats.timeouts == seen.timeouts.load());
  CHECK(stats.cancelled == seen.cancelled.load());
  CHECK(stats.rejected == seen.rejected.load());
  CHECK(stats.failed == seen.failed.load());
  CHECK(storm.population().misuses.load() == 0);

  storm.pool().close();
  CHECK(storm.pool().stats().size == 0);
  CHECK(storm.population().alive() == 0);
  CHECK(storm.pool().stats().created == storm.population().constructed.load());
}

}  // namespace

TEST_CASE("in order, random operations from 8 threads lose nothing and count everything", "[stress][pool][random]") {
  run_storm(Fairness::fifo, false);
}
TEST_CASE("in order, random operations with cleanups lose nothing and count everything", "[stress][pool][random]") {
  run_storm(Fairness::fifo, true);
}
TEST_CASE("for throughput, random operations from 8 threads lose nothing and count everything",
          "[stress][pool][random]") {
  run_storm(Fairness::throughput, false);
}
TEST_CASE("for throughput, random operations with cleanups lose nothing and count everything",
          "[stress][pool][random]") {
  run_storm(Fairness::throughput, true);
}
