// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "managers/embed_request.hpp"
#include "managers/placement.hpp"
#include "modelpool/managers/embedding.hpp"
#include "modelpool/tokenizers/tokenizer.hpp"
#include "models/embedding_model.hpp"
#include "nn/workspace.hpp"

namespace modelpool {

struct EmbeddingInstance::Impl {
  std::shared_ptr<const models::EmbeddingModel> model;
  nn::Workspace workspace;
  nn::RaggedBatch batch;
};

/// What the pool's factory and the requests share.
struct EmbeddingManager::Impl {
  Impl(std::filesystem::path folder, const ManagerOptions& options, const Settings& settings);

  /// @throws LoadError, OutOfMemory, DeviceError
  [[nodiscard]] std::shared_ptr<const models::EmbeddingModel> load() const;
  [[nodiscard]] std::unique_ptr<EmbeddingInstance> create(int its_threads) const;
  /// Intra-op threads of each of so many instances, which share the processors.
  [[nodiscard]] int threads_of(std::size_t instances) const;
  [[nodiscard]] PoolOptions<EmbeddingInstance> pool_options() const;

  models::EmbeddingConfig config;
  detail::Placement placement;
  bool share_between_callers;
  std::optional<int> threads_option;
  std::atomic<int> threads;  ///< of an instance; changes when the pool's size is measured
  std::once_flag calibrated;
  std::shared_ptr<const Tokenizer> tokenizer;
};

}  // namespace modelpool
