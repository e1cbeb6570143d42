// SPDX-License-Identifier: Apache-2.0
#include "modelpool/weights/weight_store.hpp"

#include <atomic>
#include <future>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "modelpool/error.hpp"
#include "support/catch.hpp"

using namespace modelpool;

namespace {

WeightKey key_of(std::uint64_t inode) {
  return {.files = {{.device = 1, .inode = inode, .size_bytes = 3, .modified_ns = 4}}, .model = "bert"};
}

}  // namespace

TEST_CASE("equal keys share one copy of the weights", "[weights]") {
  WeightStore store;
  int loads = 0;
  const auto load = [&] { return std::make_shared<const int>(++loads); };
  const auto first = store.get_or_load<int>(key_of(1), load);
  const auto second = store.get_or_load<int>(key_of(1), load);
  CHECK(first == second);
  CHECK(loads == 1);
  CHECK(store.size() == 1);
}

TEST_CASE("keys that differ in any part have weights of their own", "[weights]") {
  WeightStore store;
  auto other = key_of(1);
  const auto part = GENERATE(0, 1, 2, 3, 4, 5, 6, 7);
  CAPTURE(part);
  if (part == 0) other.files[0].device = 9;
  if (part == 1) other.files[0].inode = 9;
  if (part == 2) other.files[0].size_bytes = 9;
  if (part == 3) other.files[0].modified_ns = 9;
  if (part == 4) other.files.push_back({});
  if (part == 5) other.device = Device::cuda(1);
  if (part == 6) other.dtype = DType::bfloat16;
  if (part == 7) other.model = "roberta";
  const auto load = [] { return std::make_shared<const int>(1); };
  const auto first = store.get_or_load<int>(key_of(1), load);
  const auto second = store.get_or_load<int>(other, load);
  CHECK(first != second);
  CHECK(store.size() == 2);
}

TEST_CASE("one key with two types is two kinds of weights", "[weights]") {
  WeightStore store;
  const auto number = store.get_or_load<int>(key_of(1), [] { return std::make_shared<const int>(7); });
  const auto text =
      store.get_or_load<std::string>(key_of(1), [] { return std::make_shared<const std::string>("seven"); });
  CHECK(*number == 7);
  CHECK(*text == "seven");
}

TEST_CASE("weights go with their last user and are loaded again for the next", "[weights]") {
  WeightStore store;
  std::atomic<int> loads = 0;
  const auto load = [&] { return std::make_shared<const int>(++loads); };
  auto first = store.get_or_load<int>(key_of(1), load);
  auto second = store.get_or_load<int>(key_of(1), load);
  const std::weak_ptr<const int> watch = first;
  first.reset();
  CHECK_FALSE(watch.expired());
  second.reset();
  CHECK(watch.expired());
  CHECK(store.size() == 0);
  CHECK(*store.get_or_load<int>(key_of(1), load) == 2);
}

TEST_CASE("weights outlive their store", "[weights]") {
  std::shared_ptr<const int> weights;
  {
    WeightStore store;
    weights = store.get_or_load<int>(key_of(1), [] { return std::make_shared<const int>(5); });
  }
  CHECK(*weights == 5);
}

TEST_CASE("many first loads of one key run the loader once", "[weights][concurrency]") {
  WeightStore store;
  constexpr int kThreads = 8;
  std::atomic<int> loads = 0;
  std::latch start{kThreads};
  std::vector<std::shared_ptr<const int>> results(kThreads);
  {
    std::vector<std::jthread> threads;
    for (auto& result : results)
      threads.emplace_back([&] {
        start.arrive_and_wait();
        result = store.get_or_load<int>(key_of(1), [&] {
          std::this_thread::sleep_for(std::chrono::milliseconds{20});  // long enough for the others to come
          return std::make_shared<const int>(++loads);
        });
      });
  }
  CHECK(loads == 1);
  for (const auto& result : results) CHECK(result == results[0]);
}

TEST_CASE("a load of one key does not wait for a load of another", "[weights][concurrency]") {
  WeightStore store;
  std::promise<void> other_done;
  const auto slow = std::async(std::launch::async, [&] {
    return store.get_or_load<int>(key_of(1), [&] {
      other_done.get_future().wait();
      return std::make_shared<const int>(1);
    });
  });
  const auto other = store.get_or_load<int>(key_of(2), [] { return std::make_shared<const int>(2); });
  other_done.set_value();
  CHECK(*other == 2);
}

TEST_CASE("a loader may ask for other keys", "[weights]") {
  WeightStore store;
  const auto load_inner = [] { return std::make_shared<const int>(1); };
  const auto outer = store.get_or_load<int>(key_of(1), [&] {
    const auto inner = store.get_or_load<int>(key_of(2), load_inner);
    return std::make_shared<const int>(*inner + 1);
  });
  CHECK(*outer == 2);
}

TEST_CASE("a failed load reaches all who wait for it, and the next call tries again", "[weights][concurrency]") {
  WeightStore store;
  std::promise<void> go;
  auto released = go.get_future().share();
  std::atomic<int> loads = 0;
  std::atomic<int> failures = 0;
  const auto ask = [&] {
    try {
      (void)store.get_or_load<int>(key_of(1), [&]() -> std::shared_ptr<const int> {
        ++loads;
        released.wait();
        throw LoadError{"model.safetensors", "w", 8, "is cut"};
      });
    } catch (const LoadError& error) {
      if (error.item == "w") ++failures;
    }
  };
  {
    std::vector<std::jthread> threads;
    threads.emplace_back(ask);
    while (loads == 0) std::this_thread::yield();
    for (int i = 0; i < 3; ++i) threads.emplace_back(ask);
    std::this_thread::sleep_for(
        std::chrono::milliseconds{50});  // so that they wait; one that comes later loads by itself
    go.set_value();
  }
  CHECK(failures == 4);
  CHECK(store.size() == 0);
  CHECK(*store.get_or_load<int>(key_of(1), [] { return std::make_shared<const int>(3); }) == 3);
}

TEST_CASE("threads that take and drop weights at random always see whole ones", "[weights][concurrency]") {
  WeightStore store;
  std::atomic<int> wrong = 0;
  std::atomic<int> alive = 0;
  struct Counted {
    explicit Counted(std::uint64_t v, std::atomic<int>& c) : value(v), count(c) { ++count; }
    ~Counted() { --count; }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    std::uint64_t value;
    std::atomic<int>& count;
  };
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        for (std::uint64_t i = 0; i < 5000; ++i) {
          const auto inode = (i * 7 + t) % 3;
          const auto weights =
              store.get_or_load<Counted>(key_of(inode), [&] { return std::make_shared<const Counted>(inode, alive); });
          if (weights->value != inode) ++wrong;
        }
      });
  }
  CHECK(wrong == 0);
  CHECK(alive == 0);
  CHECK(store.size() == 0);
}
