// SPDX-License-Identifier: Apache-2.0
#include "modelpool/weights/weight_store.hpp"

#include <exception>
#include <future>
#include <map>
#include <mutex>
#include <optional>

namespace modelpool {
namespace {

using Weights = std::shared_ptr<const void>;

/// In use (weights), being loaded (result), or left over from weights that are gone (neither).
struct Entry {
  std::weak_ptr<const void> weights;
  std::optional<std::shared_future<Weights>> result;
};

}  // namespace

struct WeightStore::State {
  // Leaf lock: protects the map. Never held while weights are loaded, waited for or destroyed.
  mutable std::mutex mutex;
  std::map<TypedKey, Entry> entries;
};

WeightStore::WeightStore() : state_(std::make_unique<State>()) {}
WeightStore::~WeightStore() = default;

WeightStore& WeightStore::global() {
  static WeightStore store;
  return store;
}

std::shared_ptr<const void> WeightStore::get_or_load(const TypedKey& key, const Loader& load) {
  std::promise<Weights> promise;
  {
    std::unique_lock lock{state_->mutex};
    std::erase_if(state_->entries,
                  [](const auto& item) { return !item.second.result && item.second.weights.expired(); });
    auto& entry = state_->entries[key];
    if (entry.result) {
      const auto result = *entry.result;
      lock.unlock();
      return result.get();
    }
    if (auto weights = entry.weights.lock()) return weights;
    entry.result = promise.get_future().share();
  }
  const auto finish = [&](const Weights& weights) {
    const std::lock_guard lock{state_->mutex};
    state_->entries[key] = {weights, std::nullopt};
  };
  try {
    auto weights = load();
    finish(weights);
    promise.set_value(weights);
    return weights;
  } catch (...) {
    finish(nullptr);
    promise.set_exception(std::current_exception());
    throw;
  }
}

std::size_t WeightStore::size() const {
  const std::lock_guard lock{state_->mutex};
  std::size_t count = 0;
  for (const auto& [key, entry] : state_->entries) count += !entry.weights.expired();
  return count;
}

}  // namespace modelpool
