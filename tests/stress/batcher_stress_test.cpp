// SPDX-License-Identifier: Apache-2.0
// Many callers of one batcher, with everything that can go wrong at once: each result must be its caller's own.
#include <array>
#include <atomic>
#include <memory>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "modelpool/batching/batcher.hpp"
#include "support/catch.hpp"
#include "support/pool_testing.hpp"

using namespace modelpool;
using namespace modelpool::test;

namespace {

struct Work {
  std::uint64_t in = 0;
  bool poisoned = false;
  std::vector<std::uint64_t> out;
};

struct Counts {
  std::atomic<std::uint64_t> done{0}, refused{0}, poisoned{0}, wrong{0};
};

// One call with a random fate. A caller that is refused leaves its work behind, perhaps in the midst of a batch.
void call(Batcher<Probe, Work>& batcher, std::mt19937_64& random, Counts& counts) {
  const auto work = std::make_shared<Work>();
  work->in = random();
  work->poisoned = random() % 50 == 0;
  std::stop_source stop;
  BatchRequest request{.size = {1, 1 + random() % 40}, .limit = {8, 100}};
  if (random() % 4 == 0) request.deadline = Deadline::after(std::chrono::microseconds(random() % 500));
  std::jthread canceller;
  if (random() % 16 == 0) {
    request.stop = stop.get_token();
    canceller = std::jthread([&] { stop.request_stop(); });
  }
  try {
    batcher.run(work, request);
    counts.wrong += work->poisoned || work->out != std::vector<std::uint64_t>(3, ~work->in);
    ++counts.done;
  } catch (const Error&) {
    ++counts.refused;
  } catch (const std::runtime_error&) {
    counts.wrong += !work->poisoned;
    ++counts.poisoned;
  }
}

}  // namespace

TEST_CASE("callers, deadlines, cancellations, bad works, leases, exclusive access and cleanups at once", "[stress]") {
  Population population;
  Counts counts;
  ModelPool<Probe> pool{[&] { return std::make_unique<Probe>(population); }, {.max_size = 3, .create_backoff = 1ms}};
  Batcher<Probe, Work> batcher(pool, 3, [](Probe& probe, std::span<Work* const> works) {
    const auto use = probe.use();
    for (Work* work : works) {
      if (work->poisoned) throw std::runtime_error("poison");
      work->out.assign(3, ~work->in);
    }
  });
  constexpr int kCallers = 24;
  const auto rounds = from_environment("MODELPOOL_STRESS_ROUNDS", 1000) / kSlowdown;
  const Watchdog watchdog([&] { return counts.done + counts.refused + counts.poisoned; },
                          [&] { return summary(pool.stats()); });
  std::atomic<bool> over{false};
  std::jthread others([&] {
    std::mt19937_64 random(7);
    while (!over) {
      switch (random() % 4) {
        case 0:
          (void)throws<Error>([&] { const auto lease = pool.acquire({.timeout = 5ms}); });
          break;
        case 1:
          (void)throws<Error>([&] {
            const auto all = pool.acquire_exclusive({.timeout = 5ms});
            call(batcher, random, counts);
          });
          break;
        case 2:
          pool.shrink(random() % 3);
          break;
        default:
          pool.cleanup(1ms);
      }
      std::this_thread::sleep_for(300us);
    }
  });
  const auto escaped = run_threads(kCallers, [&](int caller) {
    std::mt19937_64 random(static_cast<std::uint64_t>(caller));
    for (std::uint64_t i = 0; i < rounds; ++i) call(batcher, random, counts);
  });
  over = true;
  others.join();
  CHECK(escaped.empty());
  CHECK(counts.wrong == 0);
  CHECK(counts.done > 0);
  CHECK(population.misuses == 0);
  CHECK(batcher.stats().waiting == 0);
  CHECK(pool.stats().leased == 0);
  CHECK(pool.stats().waiting == 0);
}

TEST_CASE("a thousand callers of thirty threads share few batches, and each gets its own result", "[stress]") {
  Population population;
  ModelPool<Probe> pool{[&] { return std::make_unique<Probe>(population); }, {.max_size = 2}};
  Batcher<Probe, Work> batcher(pool, 2, [](Probe& probe, std::span<Work* const> works) {
    const auto use = probe.use();
    for (Work* work : works) work->out.assign(3, ~work->in);
    std::this_thread::sleep_for(200us);
  });
  std::atomic<std::uint64_t> wrong{0};
  const auto escaped = run_threads(30, [&](int caller) {
    for (std::uint64_t i = 0; i < 1000 / 30; ++i) {
      const auto work = std::make_shared<Work>();
      work->in = i * 100 + static_cast<std::uint64_t>(caller);
      batcher.run(work, {.limit = {100, 100}});
      wrong += work->out != std::vector<std::uint64_t>(3, ~work->in);
    }
  });
  CHECK(escaped.empty());
  CHECK(wrong == 0);
  const auto stats = batcher.stats();
  CHECK(stats.works == 30 * (1000 / 30));
  CHECK(stats.batches < stats.works / 2);
  CHECK(population.misuses == 0);
}
