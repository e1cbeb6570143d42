// SPDX-License-Identifier: Apache-2.0
#include "managers/classify_run.hpp"

#include <c10/core/InferenceMode.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "managers/entities.hpp"
#include "managers/on_threads.hpp"
#include "managers/run_errors.hpp"
#include "managers/torch_errors.hpp"
#include "modelpool/error.hpp"
#include "modelpool/pool/errors.hpp"

namespace modelpool::detail {
namespace {

using Clock = std::chrono::steady_clock;
using Task = models::ClassificationConfig::Task;

constexpr std::size_t kBatchTokens = 512;
constexpr std::size_t kBatchTexts = 4096;

std::int64_t nanoseconds_since(Clock::time_point start) { return (Clock::now() - start).count(); }

std::size_t at_least_one(const char* option, std::size_t value) {
  if (value >= 1) return value;
  throw InvalidOptions(option, fmt::to_string(value), "at least 1");
}

}  // namespace

std::size_t default_max_length(const models::ClassificationConfig& config, const Tokenizer& tokenizer) {
  const auto positions = static_cast<std::size_t>(config.encoder.max_length());
  return std::min(tokenizer.model_max_length().value_or(positions), positions);
}

ClassifyRequest resolve(const ClassifyOptions& options, const models::ClassificationConfig& config,
                        const Tokenizer& tokenizer) {
  const auto max_length = options.max_length.value_or(default_max_length(config, tokenizer));
  const auto least = tokenizer.num_special_tokens() + 1;
  const auto most = static_cast<std::size_t>(config.encoder.max_length());
  if (options.max_length && (max_length < least || max_length > most)) {
    throw InvalidOptions("max_length", fmt::to_string(max_length), fmt::format("{} to {}", least, most));
  }
  if (options.aggregation != Aggregation::none && config.task == Task::sequence) {
    throw InvalidOptions("aggregation", "simple", "none, because this model classifies whole texts");
  }
  return {.aggregation = options.aggregation,
          .max_length = max_length,
          .limits = {.texts = at_least_one("batch_size", options.batch_size.value_or(kBatchTexts)),
                     .tokens = at_least_one("batch_tokens", options.batch_tokens.value_or(kBatchTokens))},
          .deadline = Deadline::after(options.timeout),
          .stop = options.stop};
}

struct ClassifyRun::Text {
  std::string_view text;
  Encoding encoding;
  std::exception_ptr error;
};

ClassifyRun::ClassifyRun(const ClassifyRequest& request, const models::ClassificationConfig& config,
                         const Tokenizer& tokenizer, Worker worker, const ClassifyDelivery& delivery)
    : request_(request), config_(config), tokenizer_(tokenizer), worker_(worker), delivery_(delivery) {}

ClassifyRun::~ClassifyRun() = default;

Timings ClassifyRun::timings() const noexcept {
  return {.queued = std::chrono::nanoseconds{queued_ns_.load()},
          .tokenize = tokenize_,
          .run = std::chrono::nanoseconds{run_ns_.load()}};
}

void ClassifyRun::run(std::span<const std::string_view> texts) {
  const auto start = Clock::now();
  encode(texts);
  tokenize_ += Clock::now() - start;
  for (std::size_t i = 0; i < texts_.size(); ++i) {
    if (texts_[i].error) delivery_.error(i, texts_[i].error);
  }
  compute();
}

void ClassifyRun::check_still_wanted() const {
  if (request_.stop.stop_requested())
    throw Cancelled("classify was cancelled by its stop token before all texts were done");
  if (request_.deadline.expired()) {
    throw DeadlineExceeded(
        "classify ran out of time before all texts were done; give it a longer timeout or fewer texts");
  }
}

// ---- texts to ids
// ------------------------------------------------------------------------------------------------------

void ClassifyRun::encode(std::span<const std::string_view> texts) {
  texts_.clear();
  texts_.resize(texts.size());
  std::atomic<std::size_t> next{0};
  on_threads(std::min(worker_.most_threads, texts.size()), [&] {
    for (auto i = next++; i < texts.size(); i = next++) encode_one(texts[i], i);
  });
}

void ClassifyRun::encode_one(std::string_view text, std::size_t index) {
  auto& out = texts_[index];
  out.text = text;
  try {
    check_still_wanted();
    out.encoding =
        tokenizer_.encode(text, {.max_length = request_.max_length, .with_offsets = config_.task == Task::token});
    check_ids(out.encoding.input_ids, config_.encoder.vocab_size);
  } catch (InvalidInput& error) {
    error.index = index;
    out.error = std::current_exception();
  } catch (const Error&) {
    out.error = std::current_exception();
  }
}

// ---- batches to instances
// ----------------------------------------------------------------------------------------------

void ClassifyRun::compute() {
  std::vector<std::size_t> lengths;
  lengths.reserve(texts_.size());
  for (const auto& text : texts_) lengths.push_back(text.error ? 0 : text.encoding.size());
  const auto batches = plan_batches(lengths, request_.limits);
  abort_ = std::stop_source{};
  const std::stop_callback stop(request_.stop, [this] { abort_.request_stop(); });
  std::atomic<std::size_t> next{0};
  on_threads(std::min(worker_.most_threads, batches.size()), [&] { compute_batches(batches, next); });
}

// An instance first, then a batch for it: while one thread waits, the others may do all there is.
void ClassifyRun::compute_batches(const std::vector<std::vector<std::size_t>>& batches,
                                  std::atomic<std::size_t>& next) {
  try {
    while (next < batches.size()) {
      std::optional<Lease<ClassificationInstance>> instance;
      std::exception_ptr failure;
      try {
        check_still_wanted();
        if (!worker_.instance) instance.emplace(lease());
      } catch (const Error& error) {
        if (!is_of_the_batch(error)) throw;
        failure = std::current_exception();
      }
      const auto i = next++;
      if (i < batches.size()) compute_batch(batches[i], instance ? &*instance : nullptr, std::move(failure));
    }
    abort_.request_stop();
  } catch (...) {
    next = batches.size();  // the others stop as well
    abort_.request_stop();
    throw;
  }
}

Lease<ClassificationInstance> ClassifyRun::lease() {
  AcquireOptions options{.timeout = std::nullopt, .stop = abort_.get_token()};
  if (const auto& deadline = request_.deadline; !deadline.is_never()) options.timeout = deadline.at() - Clock::now();
  const auto start = Clock::now();
  auto lease = worker_.pool->acquire(std::move(options));
  queued_ns_ += nanoseconds_since(start);
  return lease;
}

void ClassifyRun::compute_batch(const std::vector<std::size_t>& batch, Lease<ClassificationInstance>* lease,
                                std::exception_ptr failure) {
  std::vector<Classification> results(batch.size());
  try {
    // In Lease::run the pool sees an error and judges the instance by it; the caller's own is judged where its lease ends.
    const auto work = [&](ClassificationInstance& instance) { forward(batch, instance, results); };
    if (!failure) worker_.instance ? work(*worker_.instance) : lease->run(work);
  } catch (const Error& error) {
    if (!is_of_the_batch(error)) throw;
    failure = std::current_exception();
  }
  if (lease) lease->release();
  const std::lock_guard lock(delivering_);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    failure ? delivery_.error(batch[i], failure) : delivery_.result(batch[i], std::move(results[i]));
  }
}

void ClassifyRun::forward(const std::vector<std::size_t>& batch, ClassificationInstance& instance,
                          std::vector<Classification>& results) {
  const auto start = Clock::now();
  auto& impl = *instance.impl_;
  impl.batch.clear();
  for (const auto i : batch) impl.batch.append(texts_[i].encoding.input_ids);
  try {
    const c10::InferenceMode inference;
    const auto logits = impl.model->forward(impl.batch, impl.workspace);
    const auto labels = config_.labels.size();
    const std::span<const float> all{logits.const_data_ptr<float>(), static_cast<std::size_t>(logits.numel())};
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const auto& text = texts_[batch[i]];
      results[i].tokens = text.encoding.size();
      if (config_.task == Task::sequence) {
        results[i].labels = label_scores(all.subspan(i * labels, labels), config_);
        continue;
      }
      const auto first = static_cast<std::size_t>(impl.batch.cu_seqlens[i]);
      results[i].entities =
          entities_of(text.text, text.encoding, all.subspan(first * labels, text.encoding.size() * labels),
                      request_.aggregation, config_, tokenizer_);
    }
  } catch (...) {
    rethrow_as_ours("cpu");
  }
  run_ns_ += nanoseconds_since(start);
}

}  // namespace modelpool::detail
