// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
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

#include "managers/embed_request.hpp"
#include "modelpool/batching/batcher.hpp"
#include "modelpool/managers/embedding.hpp"

namespace modelpool::detail {

/// Who gets results: EmbedSink, but with the error as it was thrown. Never called from two threads at once.
struct EmbedDelivery {
  std::function<void(std::size_t index, std::span<const float> embedding, std::size_t tokens)> result;
  std::function<void(std::size_t index, const std::exception_ptr& error)> error;
};

/// Texts of one call that are computed together, and their vectors. It owns both: a caller that is cancelled leaves it
/// behind in a batch that runs.
struct EmbedWork {
  std::vector<std::int32_t> input_ids;  ///< of all texts, behind one another
  std::vector<std::size_t> lengths;     ///< (texts) tokens of each
  models::PoolingPlan plan;
  std::size_t dimension = 0;
  std::vector<float> values;  ///< (texts, dimension)
};

/// Shares the instances of a manager between its callers.
class EmbedBatcher : public Batcher<EmbeddingInstance, EmbedWork> {
 public:
  EmbedBatcher(ModelPool<EmbeddingInstance>& pool, std::size_t instances);
};

/// One call of embed: texts to ids, ids to batches, batches to the instances that it may use.
class EmbedRun {
 public:
  struct Worker {
    EmbeddingInstance* instance = nullptr;  ///< the caller's; null: from the pool
    ModelPool<EmbeddingInstance>* pool = nullptr;
    EmbedBatcher* batcher = nullptr;  ///< null: shares no instance with other callers
    std::size_t most_threads = 1;     ///< that this call may use at once, one for each instance
    bool keep_lease = false;          ///< from the first batch to the last
  };

  EmbedRun(const EmbedRequest& request, const Tokenizer& tokenizer, std::int64_t vocab_size, Worker worker,
           const EmbedDelivery& delivery);
  ~EmbedRun();

  /// Delivers each text once, as a result or an error.
  /// @param first_index  of texts[0]
  /// @throws whatever a delivery throws, and what is nobody's fault in particular
  void run(std::span<const std::string_view> texts, std::size_t first_index);

  [[nodiscard]] EmbedTimings timings() const noexcept;

  /// One forward over all works, whoever's they are.
  static void forward(EmbeddingInstance& instance, std::span<EmbedWork* const> works);

 private:
  struct Text;
  class Leaser;
  void encode(std::span<const std::string_view> texts);
  void encode_one(std::string_view text, Text& out) const;
  void compute();
  void compute_batches(const std::vector<std::vector<std::size_t>>& batches, std::atomic<std::size_t>& next);
  [[nodiscard]] std::exception_ptr ready(Leaser& leaser) const;
  void compute_batch(const std::vector<std::size_t>& batch, Leaser& leaser, std::exception_ptr failure);
  [[nodiscard]] std::shared_ptr<EmbedWork> make_work(const std::vector<std::size_t>& batch) const;
  void carry_out(const std::shared_ptr<EmbedWork>& work, Leaser& leaser);
  void deliver(const std::vector<std::size_t>& batch, const EmbedWork& work, const std::exception_ptr& failure);
  void check_still_wanted() const;
  void deliver_errors();

  const EmbedRequest& request_;
  const Tokenizer& tokenizer_;
  std::int64_t vocab_size_;
  Worker worker_;
  const EmbedDelivery& delivery_;

  std::size_t first_index_ = 0;
  std::vector<Text> texts_;
  std::stop_source
      abort_;  // ends the waiting of the call's threads: the request was stopped, or there is nothing to do
  std::atomic<bool> failed_{false};  // one of the threads has ended by an exception
  std::mutex delivering_;            // one delivery at a time
  std::chrono::nanoseconds tokenize_{0};
  std::atomic<std::int64_t> queued_ns_{0};  // sums: read when all threads have ended
  std::atomic<std::int64_t> run_ns_{0};
};

}  // namespace modelpool::detail
