// SPDX-License-Identifier: Apache-2.0
// How many instances of an embedding model a machine carries, by measurement.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "managers/embed_run.hpp"
#include "managers/embedding_impl.hpp"
#include "managers/on_threads.hpp"
#include "modelpool/device/memory.hpp"
#include "modelpool/device/processors.hpp"
#include "modelpool/pool/sizer.hpp"

namespace modelpool {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kWindow = 25ms;        // of one measurement
constexpr int kWindows = 3;           // the best counts: whoever else uses the processors only slows it down
constexpr auto kLongest = 800ms;      // for all: sizes that were not tried by then count as useless
constexpr double kGain = 0.02;        // an instance of an encoder takes little memory: it is worth a small gain
constexpr std::size_t kTexts = 8;     // of a batch as callers of one sentence make it
constexpr std::size_t kTokens = 512;  // of the largest batch, by default
constexpr const char* kText =
    "Thirty callers with one sentence each are what a pool is for, so a sentence of usual length is measured.";

// A batch of sentences with all that a forward over it needs.
class Sample {
 public:
  Sample(std::span<const std::int32_t> ids, std::size_t texts, const models::EmbeddingConfig& config) {
    for (std::size_t i = 0; i < texts; ++i) {
      work_.input_ids.insert(work_.input_ids.end(), ids.begin(), ids.end());
      work_.lengths.push_back(ids.size());
    }
    work_.plan.modes = config.sentence_transformer.pooling;
    work_.dimension = config.dimension();
    work_.values.resize(texts * work_.dimension);
  }
  void forward(EmbeddingInstance& instance) {
    detail::EmbedWork* const work = &work_;
    detail::EmbedRun::forward(instance, {&work, 1});
  }

 private:
  detail::EmbedWork work_;
};

// Windows of time in which several threads compute at once.
template <class Forward>
double best_rate(std::size_t instances, const Forward& forward) {
  double best = 0;
  for (int i = 0; i < kWindows; ++i) {
    std::atomic<std::uint64_t> forwards{0};
    std::atomic<std::size_t> next{0};
    const auto start = Clock::now();
    detail::on_threads(instances, [&] {
      const auto mine = next++;
      do {
        forward(mine);
        ++forwards;
      } while (Clock::now() - start < kWindow);
    });
    const std::chrono::duration<double> took = Clock::now() - start;
    best = std::max(best, static_cast<double>(forwards) / took.count());
  }
  return best;
}

}  // namespace

// Runs forwards on instances of its own, which are not the pool's.
class EmbeddingManager::Calibration {
 public:
  explicit Calibration(const Impl& impl) : impl_(impl), ids_(impl.tokenizer->encode(kText).input_ids) {}

  /// The tokenizer fits the model.
  [[nodiscard]] bool possible() const {
    return !ids_.empty() &&
           std::ranges::all_of(ids_, [&](auto id) { return id >= 0 && id < impl_.config.encoder.vocab_size; });
  }

  [[nodiscard]] MemoryBudget memory() const {
    const auto instance = impl_.create(1);
    Sample(ids_, std::max<std::size_t>(1, kTokens / ids_.size()), impl_.config).forward(*instance);
    const auto bytes = instance->state_bytes();
    const auto available =
        MemoryProbe{}.of(impl_.placement.device).available_bytes;  // beside the weights, and this one
    return {.available_bytes = available + bytes, .instance_bytes = bytes, .measured = true};
  }

  /// @return  forwards per second of `instances` that share the processors
  [[nodiscard]] double throughput(std::size_t instances) const {
    if (Clock::now() - start_ > kLongest) return 0;
    std::vector<std::unique_ptr<EmbeddingInstance>> made;
    std::vector<Sample> samples;
    while (made.size() < instances) {
      made.push_back(impl_.create(impl_.threads_of(instances)));
      samples.emplace_back(ids_, kTexts, impl_.config);
      samples.back().forward(*made.back());  // the first one makes its working memory
    }
    return best_rate(instances, [&](std::size_t i) { samples[i].forward(*made[i]); });
  }

 private:
  const Impl& impl_;
  const std::vector<std::int32_t> ids_;
  const Clock::time_point start_ = Clock::now();
};

void EmbeddingManager::calibrate() {
  if (!impl_->placement.size_is_automatic) return;
  std::call_once(impl_->calibrated, [this] { measure_size(); });
}

void EmbeddingManager::measure_size() {
  const auto model = impl_->load();  // stays while the instances change
  const Calibration calibration(*impl_);
  if (!calibration.possible()) return;
  SizerInput input{.setting = impl_->placement.size_limit, .memory = calibration.memory(), .gain = kGain};
  const auto most = std::min(input.setting, available_processors());
  const auto throughput =
      measure_throughput(most, input.gain, [&](std::size_t instances) { return calibration.throughput(instances); });
  input.throughput = throughput;
  const auto decision = size_pool(input);
  set_size(decision.instances, std::string(to_string(decision.reason)));
  if (batcher_) batcher_->set_instances(decision.instances);
  const auto threads = impl_->threads_of(decision.instances);
  if (impl_->threads.exchange(threads) != threads) pool().shrink(0);  // they have another number
  pool().warm_up(1);
}

}  // namespace modelpool
