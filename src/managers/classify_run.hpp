// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <stop_token>
#include <string_view>
#include <vector>

#include "managers/batches.hpp"
#include "managers/placement.hpp"
#include "modelpool/deadline.hpp"
#include "modelpool/managers/classification.hpp"
#include "modelpool/tokenizers/tokenizer.hpp"
#include "models/classification_model.hpp"
#include "nn/workspace.hpp"

namespace modelpool {

struct ClassificationInstance::Impl {
  std::shared_ptr<const models::ClassificationModel> model;
  nn::Workspace workspace;
  nn::RaggedBatch batch;
};

namespace detail {

/// The options of a request after the folder has filled in what was not given.
struct ClassifyRequest {
  Aggregation aggregation;
  std::size_t max_length;
  BatchLimits limits;
  Deadline deadline;
  std::stop_token stop;
};

/// Tokens of a text, special ones included, where the request does not say.
[[nodiscard]] std::size_t default_max_length(const models::ClassificationConfig& config, const Tokenizer& tokenizer);

/// @throws InvalidOptions  naming the option
[[nodiscard]] ClassifyRequest resolve(const ClassifyOptions& options, const models::ClassificationConfig& config,
                                      const Tokenizer& tokenizer);

/// Who gets results: ClassifySink, but with the error as it was thrown. Never called from two threads at once.
struct ClassifyDelivery {
  std::function<void(std::size_t index, Classification&& result)> result;
  std::function<void(std::size_t index, const std::exception_ptr& error)> error;
};

/// One call of classify: texts to ids, ids to batches, batches to the instances that it may use.
class ClassifyRun {
 public:
  struct Worker {
    ClassificationInstance* instance = nullptr;  ///< the caller's; null: from the pool, one for each batch
    ModelPool<ClassificationInstance>* pool = nullptr;
    std::size_t most_threads = 1;  ///< that this call may use at once, one for each instance
  };

  ClassifyRun(const ClassifyRequest& request, const models::ClassificationConfig& config, const Tokenizer& tokenizer,
              Worker worker, const ClassifyDelivery& delivery);
  ~ClassifyRun();

  /// Delivers each text once, as a result or an error.
  /// @throws whatever a delivery throws, and what is nobody's fault in particular
  void run(std::span<const std::string_view> texts);

  [[nodiscard]] Timings timings() const noexcept;

 private:
  struct Text;
  void encode(std::span<const std::string_view> texts);
  void encode_one(std::string_view text, std::size_t index);
  void compute();
  void compute_batches(const std::vector<std::vector<std::size_t>>& batches, std::atomic<std::size_t>& next);
  void compute_batch(const std::vector<std::size_t>& batch, Lease<ClassificationInstance>* lease,
                     std::exception_ptr failure);
  [[nodiscard]] Lease<ClassificationInstance> lease();
  void forward(const std::vector<std::size_t>& batch, ClassificationInstance& instance,
               std::vector<Classification>& results);
  void check_still_wanted() const;

  const ClassifyRequest& request_;
  const models::ClassificationConfig& config_;
  const Tokenizer& tokenizer_;
  Worker worker_;
  const ClassifyDelivery& delivery_;

  std::vector<Text> texts_;
  std::stop_source abort_;  // ends the waiting of the call's threads: it was stopped, or there is nothing left to do
  std::mutex delivering_;   // one delivery at a time
  std::chrono::nanoseconds tokenize_{0};
  std::atomic<std::int64_t> queued_ns_{0};  // sums: read when all threads have ended
  std::atomic<std::int64_t> run_ns_{0};
};

}  // namespace detail
}  // namespace modelpool
