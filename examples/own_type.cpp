// SPDX-License-Identifier: Apache-2.0
// A pool of your own type. Links modelpool::core alone: no LibTorch.
//
// The type here is a solver with a table that takes time to make and scratch memory that one call writes to, so two
// threads must not use one solver at the same time. Three of them serve eight threads.
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <modelpool/pool/model_pool.hpp>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

// region: type
// Counts the ways to pay an amount with given coins.
class ChangeCounter {
 public:
  explicit ChangeCounter(std::vector<std::size_t> coins, std::size_t largest)
      : coins_(std::move(coins)), ways_(largest + 1) {}

  std::size_t count(std::size_t amount) {  // writes to ways_: not for two threads
    ways_.assign(ways_.size(), 0);
    ways_[0] = 1;
    for (const auto coin : coins_)
      for (auto sum = coin; sum <= amount; ++sum) ways_[sum] += ways_[sum - coin];
    return ways_[amount];
  }
  void forget() { ways_.assign(ways_.size(), 0); }
  [[nodiscard]] bool sound() const { return !coins_.empty(); }
  [[nodiscard]] std::size_t bytes() const { return ways_.capacity() * sizeof(std::size_t); }

 private:
  std::vector<std::size_t> coins_;
  std::vector<std::size_t> ways_;
};
// endregion: type

int main() {
  std::atomic<int> made{0};
  // region: pool
  modelpool::ModelPool<ChangeCounter> pool{
      [] {
        return std::make_unique<ChangeCounter>(std::vector<std::size_t>{1, 2, 5, 10, 20, 50, 100, 200}, 1000);
      },
      {
          .max_size = 3,                                                       // never more than three
          .name = "change",                                                    // shown in messages
          .idle_timeout = 60s,                                                 // unused ones go after a minute
          .validate = [](ChangeCounter& counter) { return counter.sound(); },  // before a lease
          .reset = [](ChangeCounter& counter) { counter.forget(); },           // after a lease
          .bytes_of = [](const ChangeCounter& counter) { return counter.bytes(); },
          .hooks = {.on_create = [&made](const modelpool::InstanceEvent&) { ++made; }},
      }};
  // endregion: pool

  // region: use
  std::atomic<int> right{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i)
      threads.emplace_back([&pool, &right] {
        for (int round = 0; round < 50; ++round) {
          auto counter = pool.acquire({.timeout = 5s});
          if (counter->count(200) == 73682) ++right;
        }
      });
  }
  // endregion: use
  const auto stats = pool.stats();
  std::printf("%d of 400 answers are right\n", right.load());
  std::printf("instances: %s, at most %zu\n", made.load() <= 3 && made.load() >= 1 ? "at least 1" : "a wrong number",
              stats.max_size);
  std::printf("%llu requests, %llu failed\n", static_cast<unsigned long long>(stats.requests),
              static_cast<unsigned long long>(stats.timeouts + stats.cancelled + stats.rejected + stats.failed));

  const auto report = pool.shrink(0);
  std::printf("shrink(0): %zu remain, bytes given back: %s\n", report.remaining,
              report.bytes == report.destroyed * 1001 * sizeof(std::size_t) ? "as bytes_of says" : "a wrong number");
}
