// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "modelpool/pool/model_pool.hpp"
#include "pooled.hpp"

/// ModelPool with the face that the benchmark's loops expect. Only options differ from what a user writes first:
/// acquire() is called with its defaults, so each lease has a deadline and can be cancelled.
namespace pool_contention {

/// @tparam Traits  a type with `static modelpool::PoolOptions<Pooled> options(std::size_t size)`
template <class Traits>
class OurPool {
 public:
  explicit OurPool(std::size_t size) : pool_([this] { return make(); }, Traits::options(size)) { pool_.warm_up(size); }
  modelpool::Lease<Pooled> acquire() { return pool_.acquire(); }

  /// Call it while no lease is out.
  [[nodiscard]] std::uint64_t uses() {
    const std::scoped_lock lock{mutex_};
    std::uint64_t sum = 0;
    for (const Pooled* object : objects_) sum += object->uses.load(std::memory_order_relaxed);
    return sum;
  }

 private:
  std::unique_ptr<Pooled> make() {
    auto object = std::make_unique<Pooled>();
    const std::scoped_lock lock{mutex_};
    objects_.push_back(object.get());
    return object;
  }

  std::mutex mutex_;
  std::vector<const Pooled*> objects_;  // all that were made; nothing of the benchmark makes the pool destroy one
  modelpool::ModelPool<Pooled> pool_;   // last: its factory uses the members above
};

/// First come, first served, with everything as it comes.
struct FifoDefault {
  static modelpool::PoolOptions<Pooled> options(std::size_t size) { return {.max_size = size}; }
};

/// Without the clock read that statistics of holding times and leak detection need.
struct FifoBare {
  static modelpool::PoolOptions<Pooled> options(std::size_t size) {
    return {.max_size = size, .timing = modelpool::Timing::off};
  }
};

/// Start and end of every lease are measured, and long ones reported.
struct FifoEverything {
  static modelpool::PoolOptions<Pooled> options(std::size_t size) {
    return {.max_size = size, .leak_after = std::chrono::minutes{1}, .timing = modelpool::Timing::every};
  }
};

/// Newcomers may pass those that wait, for a while.
struct Throughput {
  static modelpool::PoolOptions<Pooled> options(std::size_t size) {
    return {.max_size = size, .fairness = modelpool::Fairness::throughput};
  }
};

}  // namespace pool_contention
