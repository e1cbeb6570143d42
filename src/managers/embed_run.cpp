// SPDX-License-Identifier: Apache-2.0
#include "managers/embed_run.hpp"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "managers/embedding_impl.hpp"
#include "managers/on_threads.hpp"
#include "managers/run_errors.hpp"
#include "managers/torch_errors.hpp"
#include "modelpool/error.hpp"
#include "modelpool/pool/errors.hpp"

namespace modelpool::detail {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kTextsPerTurn = 16;  // of tokenizing
constexpr std::size_t kLeastTokens = 128;  // in a batch that is made small to give every instance work

std::int64_t nanoseconds_since(Clock::time_point start) { return (Clock::now() - start).count(); }

}  // namespace

struct EmbedRun::Text {
  std::vector<std::int32_t> input_ids;
  std::exception_ptr error;
};

// The instance of one thread of the call: the caller's, or one from the pool, taken when first needed.
class EmbedRun::Leaser {
 public:
  explicit Leaser(EmbedRun& run) : run_(run) {}

  /// Waits for an instance, where there is none yet and it is not for the batcher to find one.
  /// @throws as ModelPool::acquire
  void prepare() {
    if (!run_.worker_.instance && !run_.worker_.batcher && !lease_) acquire();
  }
  // In Lease::run the pool sees an error and judges the instance by it; the caller's own is judged where its lease ends.
  template <class Work>
  void run(const Work& work) {
    if (run_.worker_.instance) return work(*run_.worker_.instance);
    lease_->run(work);
  }
  void give_back() { lease_.reset(); }

 private:
  void acquire() {
    AcquireOptions options{.timeout = std::nullopt, .stop = run_.abort_.get_token()};
    if (const auto& deadline = run_.request_.deadline; !deadline.is_never())
      options.timeout = deadline.at() - Clock::now();
    const auto start = Clock::now();
    lease_.emplace(run_.worker_.pool->acquire(std::move(options)));
    run_.queued_ns_ += nanoseconds_since(start);
  }

  EmbedRun& run_;
  std::optional<Lease<EmbeddingInstance>> lease_;
};

EmbedRun::EmbedRun(const EmbedRequest& request, const Tokenizer& tokenizer, std::int64_t vocab_size, Worker worker,
                   const EmbedDelivery& delivery)
    : request_(request), tokenizer_(tokenizer), vocab_size_(vocab_size), worker_(worker), delivery_(delivery) {}

EmbedRun::~EmbedRun() = default;

void EmbedRun::run(std::span<const std::string_view> texts, std::size_t first_index) {
  first_index_ = first_index;
  const auto start = Clock::now();
  encode(texts);
  tokenize_ += Clock::now() - start;
  deliver_errors();
  compute();
}

EmbedTimings EmbedRun::timings() const noexcept {
  return {.queued = std::chrono::nanoseconds{queued_ns_.load()},
          .tokenize = tokenize_,
          .run = std::chrono::nanoseconds{run_ns_.load()}};
}

// ---- texts to ids
// ------------------------------------------------------------------------------------------------------

void EmbedRun::encode(std::span<const std::string_view> texts) {
  texts_.clear();
  texts_.resize(texts.size());
  std::atomic<std::size_t> next{0};
  const auto turns = (texts.size() + kTextsPerTurn - 1) / kTextsPerTurn;
  on_threads(std::min(worker_.most_threads, turns), [&] {
    for (auto turn = next++; turn < turns; turn = next++) {
      const auto begin = turn * kTextsPerTurn;
      const auto end = std::min(begin + kTextsPerTurn, texts.size());
      for (auto i = begin; i < end; ++i) encode_one(texts[i], texts_[i]);
    }
  });
}

void EmbedRun::encode_one(std::string_view text, Text& out) const {
  try {
    check_still_wanted();
    const EncodeOptions options{.max_length = request_.max_length};
    auto encoding = request_.prompt.empty() ? tokenizer_.encode(text, options)
                                            : tokenizer_.encode(request_.prompt + std::string(text), options);
    check_ids(encoding.input_ids, vocab_size_);
    out.input_ids = std::move(encoding.input_ids);
  } catch (InvalidInput& error) {
    error.index = first_index_ + static_cast<std::size_t>(&out - texts_.data());
    out.error = std::current_exception();
  } catch (const Error&) {
    out.error = std::current_exception();
  }
}

void EmbedRun::deliver_errors() {
  for (std::size_t i = 0; i < texts_.size(); ++i) {
    if (texts_[i].error) delivery_.error(first_index_ + i, texts_[i].error);
  }
}

// ---- batches to instances
// ----------------------------------------------------------------------------------------------

void EmbedRun::check_still_wanted() const {
  if (request_.stop.stop_requested())
    throw Cancelled("embed was cancelled by its stop token before all texts were done");
  if (request_.deadline.expired()) {
    throw DeadlineExceeded("embed ran out of time before all texts were done; give it a longer timeout or fewer texts");
  }
}

void EmbedRun::compute() {
  std::vector<std::size_t> lengths;
  lengths.reserve(texts_.size());
  std::size_t total = 0;
  for (const auto& text : texts_) {
    lengths.push_back(text.error ? 0 : text.input_ids.size());
    total += lengths.back();
  }
  // Little work is still divided between all instances, unless other callers have work for them.
  auto limits = request_.limits;
  const auto share = (total + worker_.most_threads - 1) / worker_.most_threads;
  const bool crowded = worker_.batcher && worker_.batcher->stats().waiting > 0;
  if (!crowded) limits.tokens = std::min(limits.tokens, std::max(share, kLeastTokens));
  const auto batches = plan_batches(lengths, limits);
  if (batches.empty()) return;
  abort_ = std::stop_source{};
  const std::stop_callback stop(request_.stop, [this] { abort_.request_stop(); });
  std::atomic<std::size_t> next{0};
  on_threads(std::min(worker_.most_threads, batches.size()), [&] { compute_batches(batches, next); });
}

// An instance first, then a batch for it: while one thread waits, the others may do all there is. Then nobody needs to wait
// any more, and some never would have got an instance: beside a caller that has exclusive access, for one.
void EmbedRun::compute_batches(const std::vector<std::vector<std::size_t>>& batches, std::atomic<std::size_t>& next) {
  Leaser leaser(*this);
  try {
    while (next < batches.size()) {
      auto failure = ready(leaser);
      const auto i = next++;
      if (i < batches.size()) compute_batch(batches[i], leaser, std::move(failure));
    }
    if (!worker_.batcher) abort_.request_stop();  // in the batcher the others wait with batches that are theirs
  } catch (...) {
    next = batches.size();  // the others stop as well
    failed_ = true;
    abort_.request_stop();
    throw;
  }
}

// @return  why the next batch cannot be computed; null: it can
std::exception_ptr EmbedRun::ready(Leaser& leaser) const {
  try {
    check_still_wanted();
    leaser.prepare();
    return nullptr;
  } catch (const Error& error) {
    if (!is_of_the_batch(error)) throw;
    return std::current_exception();
  }
}

void EmbedRun::compute_batch(const std::vector<std::size_t>& batch, Leaser& leaser, std::exception_ptr failure) {
  const auto work = make_work(batch);
  try {
    if (!failure) carry_out(work, leaser);
  } catch (const Error& error) {
    if (!is_of_the_batch(error)) throw;
    failure = std::current_exception();
  }
  if (failure || !worker_.keep_lease) leaser.give_back();
  deliver(batch, *work, failure);
}

std::shared_ptr<EmbedWork> EmbedRun::make_work(const std::vector<std::size_t>& batch) const {
  auto work = std::make_shared<EmbedWork>();
  for (const auto i : batch) {
    const auto& ids = texts_[i].input_ids;
    work->input_ids.insert(work->input_ids.end(), ids.begin(), ids.end());
    work->lengths.push_back(ids.size());
  }
  work->plan = request_.plan;
  work->dimension = request_.dimension;
  work->values.resize(batch.size() * request_.dimension);
  return work;
}

void EmbedRun::carry_out(const std::shared_ptr<EmbedWork>& work, Leaser& leaser) {
  if (worker_.batcher) {
    const auto times =
        worker_.batcher->run(work, {.size = {.items = work->lengths.size(), .cost = work->input_ids.size()},
                                    .limit = {.items = request_.limits.texts, .cost = request_.limits.tokens},
                                    .deadline = request_.deadline,
                                    .stop = abort_.get_token()});
    queued_ns_ += times.queued.count();
    run_ns_ += times.run.count();
    return;
  }
  const auto start = Clock::now();
  EmbedWork* const alone = work.get();
  leaser.run([&](EmbeddingInstance& instance) { forward(instance, {&alone, 1}); });
  run_ns_ += nanoseconds_since(start);
}

void EmbedRun::deliver(const std::vector<std::size_t>& batch, const EmbedWork& work,
                       const std::exception_ptr& failure) {
  const std::lock_guard lock(delivering_);
  if (failed_) return;  // the call ends with an exception: nobody wants to know any more
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const auto index = first_index_ + batch[i];
    if (failure) {
      delivery_.error(index, failure);
    } else {
      delivery_.result(index, std::span{work.values}.subspan(i * work.dimension, work.dimension), work.lengths[i]);
    }
  }
}

// ---- one forward
// -----------------------------------------------------------------------------------------------------

void EmbedRun::forward(EmbeddingInstance& instance, std::span<EmbedWork* const> works) {
  auto& impl = *instance.impl_;
  impl.batch.clear();
  std::vector<std::span<float>> rows;
  std::vector<const models::PoolingPlan*> plans;
  for (EmbedWork* const work : works) {
    std::size_t begin = 0;
    for (std::size_t i = 0; i < work->lengths.size(); ++i) {
      impl.batch.append(std::span{work->input_ids}.subspan(begin, work->lengths[i]));
      rows.push_back(std::span{work->values}.subspan(i * work->dimension, work->dimension));
      plans.push_back(&work->plan);
      begin += work->lengths[i];
    }
  }
  try {
    const c10::InferenceMode inference;
    impl.model->forward(impl.batch, plans, impl.workspace, rows);
  } catch (...) {
    rethrow_as_ours("cpu");
  }
}

EmbedBatcher::EmbedBatcher(ModelPool<EmbeddingInstance>& pool, std::size_t instances)
    : Batcher(pool, instances, &EmbedRun::forward) {}

}  // namespace modelpool::detail
