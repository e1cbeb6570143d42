// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace pool_contention {

/// What every pool of this benchmark holds. `uses` is written without a read-modify-write: two threads that hold the
/// object at once lose counts, and the sum over all objects then differs from the number of cycles.
struct alignas(128) Pooled {
  std::atomic<std::uint64_t> uses{0};
  std::atomic<std::uint64_t> released_at{0};  ///< ticks; for the hand-off measurement

  void use() noexcept { uses.store(uses.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); }
};

/// The objects of a peer, which pools pointers to them.
class PooledSet {
 public:
  explicit PooledSet(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) objects_.push_back(std::make_unique<Pooled>());
  }
  [[nodiscard]] std::uint64_t uses() const noexcept {
    std::uint64_t sum = 0;
    for (const auto& object : objects_) sum += object->uses.load(std::memory_order_relaxed);
    return sum;
  }
  [[nodiscard]] auto begin() const noexcept { return objects_.begin(); }
  [[nodiscard]] auto end() const noexcept { return objects_.end(); }

 private:
  std::vector<std::unique_ptr<Pooled>> objects_;
};

}  // namespace pool_contention
