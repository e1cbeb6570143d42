// SPDX-License-Identifier: Apache-2.0
#include "modelpool/weights/weight_store.hpp"

#include <exception>
#include <future>
#include <map>
#include <optional>

#include "modelpool/pool/detail/mutex.hpp"

namespace modelpool {
namespace {

using Weights = std::shared_ptr<const void>;
using Lock = detail::LockGuard<detail::Mutex>;

/// In use (weights), being loaded (result), or left over from weights that are gone (neither).
struct Entry {
  std::weak_ptr<const void> weights;
  std::optional<std::shared_future<Weights>> result;
};

/// What a caller finds: weights in use, or a load to wait for; neither, and the load is the caller's.
struct Claim {
  Weights weights;
  std::optional<std::shared_future<Weights>> result;
};

}  // namespace

struct WeightStore::State {
  Claim claim(const TypedKey& key, std::promise<Weights>& promise) {
    const Lock lock{mutex};
    std::erase_if(entries, [](const auto& item) { return !item.second.result && item.second.weights.expired(); });
    auto& entry = entries[key];
    if (entry.result) return {nullptr, entry.result};
    if (auto weights = entry.weights.lock()) return {std::move(weights), std::nullopt};
    entry.result = promise.get_future().share();
    return {};
  }

  void finish(const TypedKey& key, const Weights& weights) {
    const Lock lock{mutex};
    entries[key] = {weights, std::nullopt};
  }

  // Leaf lock: nothing else is taken under it. Never held while weights are loaded, waited for or destroyed.
  detail::Mutex mutex;
  std::map<TypedKey, Entry> entries MODELPOOL_GUARDED_BY(mutex);
};

WeightStore::WeightStore() : state_(std::make_unique<State>()) {}
WeightStore::~WeightStore() = default;

WeightStore& WeightStore::global() {
  static WeightStore store;
  return store;
}

std::shared_ptr<const void> WeightStore::get_or_load(const TypedKey& key, const Loader& load) {
  std::promise<Weights> promise;
  const auto claim = state_->claim(key, promise);
  if (claim.weights) return claim.weights;
  if (claim.result) return claim.result->get();
  try {
    auto weights = load();
    state_->finish(key, weights);
    promise.set_value(weights);
    return weights;
  } catch (...) {
    state_->finish(key, nullptr);
    promise.set_exception(std::current_exception());
    throw;
  }
}

std::size_t WeightStore::size() const {
  const Lock lock{state_->mutex};
  std::size_t count = 0;
  for (const auto& [key, entry] : state_->entries) count += !entry.weights.expired();
  return count;
}

}  // namespace modelpool
