// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <typeindex>
#include <utility>
#include <vector>

#include "modelpool/device/device.hpp"
#include "modelpool/weights/dtype.hpp"
#include "modelpool/weights/file_identity.hpp"

namespace modelpool {

/// Weights that are equal in all of this are the same in memory, and are kept once.
struct WeightKey {
  std::vector<FileIdentity> files;  ///< every file that the weights are read from, in the order of their names
  Device device = Device::cpu();    ///< resolved: cpu or a numbered CUDA device
  DType dtype = DType::float32;     ///< resolved: what the weights are converted to
  std::string model;                ///< what is made of the files, with all that changes it, for example "bert"

  [[nodiscard]] friend auto operator<=>(const WeightKey&, const WeightKey&) = default;
};

/// Shares loaded weights between all who use the same ones. It owns nothing: weights live as long as their last user.
///
/// Thread safety: every member may be called from any thread at any time.
class WeightStore {
 public:
  WeightStore();
  ~WeightStore();  ///< what it has handed out stays valid
  WeightStore(const WeightStore&) = delete;
  WeightStore& operator=(const WeightStore&) = delete;

  /// The store of this process, which managers use.
  [[nodiscard]] static WeightStore& global();

  /// The weights of `key`, from `load` where nobody has them. Callers that come while `load` runs wait for it and share its
  /// result; its exception reaches them all, and the next call tries again. No lock is held while `load` runs, so that
  /// loads of other keys run beside it.
  /// @param load  must not ask this store for the same key  @return never null unless `load` returns null
  template <class Model>
  [[nodiscard]] std::shared_ptr<const Model> get_or_load(const WeightKey& key,
                                                         const std::function<std::shared_ptr<const Model>()>& load) {
    return std::static_pointer_cast<const Model>(
        get_or_load({key, typeid(Model)}, [&]() -> std::shared_ptr<const void> { return load(); }));
  }

  /// How many different weights are in use now, not counting those that are being loaded.
  [[nodiscard]] std::size_t size() const;

 private:
  using TypedKey = std::pair<WeightKey, std::type_index>;  // one key with two types would be two kinds of weights
  using Loader = std::function<std::shared_ptr<const void>()>;
  std::shared_ptr<const void> get_or_load(const TypedKey& key, const Loader& load);

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace modelpool
