// SPDX-License-Identifier: Apache-2.0
#include "modelpool/managers/embedding.hpp"

#include <c10/core/InferenceMode.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "device/intra_op_scope.hpp"
#include "managers/embed_request.hpp"
#include "managers/embed_run.hpp"
#include "managers/embedding_impl.hpp"
#include "managers/shared_tokenizer.hpp"
#include "managers/torch_errors.hpp"
#include "modelpool/device/processors.hpp"
#include "modelpool/error.hpp"
#include "modelpool/weights/weight_store.hpp"

namespace modelpool {
namespace {

using namespace std::chrono_literals;

// Texts that are tokenized before the first of them is computed, where results are delivered as they come: enough to
// sort them well, few enough that the first result does not wait for the last text.
constexpr std::size_t kTextsAtOnce = 8192;

std::string name_of(const std::filesystem::path& folder) {
  const auto name = folder.has_filename() ? folder.filename() : folder.parent_path().filename();
  return "embedding " + name.string();
}

// The library prints nothing by itself: who wants its warnings registers a logger of this name.
void warn_of_waiting(const WaitEvent& event) {
  if (event.average_wait <= 1s) return;
  if (const auto logger = spdlog::get("modelpool")) {
    logger->warn("pool '{}': a lease waits {:.1f} s on average, {} callers are waiting; raise the pool's size",
                 event.pool, std::chrono::duration<double>(event.average_wait).count(), event.waiting);
  }
}

}  // namespace

// ---- EmbeddingInstance
// -------------------------------------------------------------------------------------------------

EmbeddingInstance::EmbeddingInstance(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
EmbeddingInstance::~EmbeddingInstance() = default;

std::uint64_t EmbeddingInstance::state_bytes() const noexcept {
  return sizeof(Impl) + impl_->workspace.bytes() + impl_->batch.input_ids.capacity() * sizeof(std::int32_t) +
         impl_->batch.cu_seqlens.capacity() * sizeof(std::int64_t);
}

std::uint64_t EmbeddingInstance::weight_bytes() const noexcept { return impl_->model->bytes(); }

int EmbeddingInstance::threads() const noexcept { return impl_->workspace.threads(); }

// ---- what requests and the factory share
// -------------------------------------------------------------------------------

EmbeddingManager::Impl::Impl(std::filesystem::path folder, const ManagerOptions& options, const Settings& settings)
    : config(models::EmbeddingConfig::from_folder(folder)),
      placement(detail::place(options, settings, available_processors(), "embedding")),
      share_between_callers(options.share_between_callers),
      threads_option(options.threads),
      threads(placement.threads),
      tokenizer(detail::shared_tokenizer(config.sentence_transformer.transformer)) {}

std::shared_ptr<const models::EmbeddingModel> EmbeddingManager::Impl::load() const {
  try {
    const c10::InferenceMode inference;
    const IntraOpScope alone(1);  // reading weights starts no threads
    auto checkpoint = config.open_checkpoint();
    const WeightKey key{checkpoint.identity(), placement.device, placement.dtype, config.weight_key()};
    return WeightStore::global().get_or_load<models::EmbeddingModel>(key, [&] {
      return std::make_shared<const models::EmbeddingModel>(config, std::move(checkpoint),
                                                            models::EncoderPlace{placement.device, placement.dtype});
    });
  } catch (...) {
    detail::rethrow_as_ours(to_string(placement.device));
  }
}

std::unique_ptr<EmbeddingInstance> EmbeddingManager::Impl::create(int its_threads) const {
  auto impl = std::make_unique<EmbeddingInstance::Impl>(load(), nn::Workspace(its_threads), nn::RaggedBatch{});
  return std::unique_ptr<EmbeddingInstance>(new EmbeddingInstance(std::move(impl)));
}

int EmbeddingManager::Impl::threads_of(std::size_t instances) const {
  const auto share = std::max<std::size_t>(1, available_processors() / instances);
  return threads_option.value_or(static_cast<int>(share));
}

PoolOptions<EmbeddingInstance> EmbeddingManager::Impl::pool_options() const {
  PoolOptions<EmbeddingInstance> options;
  options.max_size = placement.pool_size;
  options.max_size_reason = placement.pool_size_reason;
  options.name = name_of(config.folder);
  // The last instance to go takes the weights with it.
  options.bytes_of = [](const EmbeddingInstance& instance) {
    const bool last = instance.impl_->model.use_count() == 1;
    return static_cast<std::size_t>(instance.state_bytes() + (last ? instance.weight_bytes() : 0));
  };
  options.hooks.on_wait = warn_of_waiting;
  return options;
}

// ---- EmbeddingManager
// --------------------------------------------------------------------------------------------------

EmbeddingManager::EmbeddingManager(std::filesystem::path folder, ManagerOptions options, const Settings& settings)
    : EmbeddingManager(std::make_shared<Impl>(std::move(folder), options, settings)) {}

EmbeddingManager::EmbeddingManager(std::shared_ptr<Impl> impl)
    : ModelManager([impl] { return impl->create(impl->threads); }, impl->pool_options(), impl->placement.device,
                   impl->placement.pool_size_reason),
      impl_(std::move(impl)) {
  if (impl_->share_between_callers) batcher_ = std::make_unique<detail::EmbedBatcher>(pool(), pool_size());
}

EmbeddingManager::~EmbeddingManager() = default;

namespace {

// Collects what a call without a sink returns. The first error ends the call.
class Collector {
 public:
  Collector(std::size_t num_texts, std::size_t dimension) {
    embeddings_.num_texts = num_texts;
    embeddings_.dimension = dimension;
    embeddings_.values.resize(num_texts * dimension);
    embeddings_.tokens.resize(num_texts);
  }

  [[nodiscard]] detail::EmbedDelivery delivery() {
    return {.result =
                [this](std::size_t index, std::span<const float> embedding, std::size_t tokens) {
                  std::ranges::copy(embedding,
                                    embeddings_.values.begin() + static_cast<std::ptrdiff_t>(index * embedding.size()));
                  embeddings_.tokens[index] = tokens;
                },
            .error = [](std::size_t, const std::exception_ptr& error) { std::rethrow_exception(error); }};
  }

  [[nodiscard]] Embeddings take(const EmbedTimings& timings) {
    embeddings_.timings = timings;
    return std::move(embeddings_);
  }

 private:
  Embeddings embeddings_;
};

detail::EmbedDelivery delivery_to(const EmbedSink& sink) {
  return {.result =
              [&](std::size_t index, std::span<const float> embedding, std::size_t tokens) {
                if (sink.on_result) sink.on_result(index, embedding, tokens);
              },
          .error =
              [&](std::size_t index, const std::exception_ptr& error) {
                try {
                  std::rethrow_exception(error);
                } catch (const Error& known) {
                  if (sink.on_error) sink.on_error(index, known);
                }
              }};
}

std::vector<std::string_view> views_of(std::span<const std::string> texts) { return {texts.begin(), texts.end()}; }

}  // namespace

EmbedTimings EmbeddingManager::run(std::span<const std::string_view> texts, EmbeddingInstance* instance,
                                   const detail::EmbedRequest& request, const detail::EmbedDelivery& delivery) {
  const bool share = batcher_ != nullptr;
  // Who holds instances leases more of them by itself: the batcher's other callers may have to wait for just those.
  const bool batch = share && !instance && !pool().held_by_this_thread();
  const detail::EmbedRun::Worker worker{.instance = instance,
                                        .pool = &pool(),
                                        .batcher = batch ? batcher_.get() : nullptr,
                                        .most_threads = instance || !share ? 1 : pool_size(),
                                        .keep_lease = !share};
  detail::EmbedRun run(request, *impl_->tokenizer, impl_->config.encoder.vocab_size, worker, delivery);
  for (std::size_t i = 0; i < texts.size(); i += request.texts_at_once) {
    run.run(texts.subspan(i, std::min(request.texts_at_once, texts.size() - i)), i);
  }
  return run.timings();
}

Embeddings EmbeddingManager::collect(std::span<const std::string> texts, EmbeddingInstance* instance,
                                     const EmbedOptions& options) {
  auto request = detail::resolve(options, impl_->config, *impl_->tokenizer);
  request.texts_at_once =
      std::max<std::size_t>(1, texts.size());  // so that a bad text is found before anything is computed
  Collector collector(texts.size(), request.dimension);
  return collector.take(run(views_of(texts), instance, request, collector.delivery()));
}

EmbedTimings EmbeddingManager::deliver(std::span<const std::string> texts, EmbeddingInstance* instance,
                                       const EmbedSink& sink, const EmbedOptions& options) {
  auto request = detail::resolve(options, impl_->config, *impl_->tokenizer);
  request.texts_at_once = kTextsAtOnce;
  return run(views_of(texts), instance, request, delivery_to(sink));
}

Embeddings EmbeddingManager::embed(std::span<const std::string> texts, const EmbedOptions& options) {
  return collect(texts, nullptr, options);
}

Embeddings EmbeddingManager::embed(std::span<const std::string> texts, EmbeddingInstance& instance,
                                   const EmbedOptions& options) {
  return collect(texts, &instance, options);
}

std::vector<float> EmbeddingManager::embed(std::string_view text, const EmbedOptions& options) {
  auto request = detail::resolve(options, impl_->config, *impl_->tokenizer);
  request.texts_at_once = 1;
  Collector collector(1, request.dimension);
  return collector.take(run(std::span{&text, 1}, nullptr, request, collector.delivery())).values;
}

EmbedTimings EmbeddingManager::embed_each(std::span<const std::string> texts, const EmbedSink& sink,
                                          const EmbedOptions& options) {
  return deliver(texts, nullptr, sink, options);
}

EmbedTimings EmbeddingManager::embed_each(std::span<const std::string> texts, EmbeddingInstance& instance,
                                          const EmbedSink& sink, const EmbedOptions& options) {
  return deliver(texts, &instance, sink, options);
}

// ---- what the model is
// -------------------------------------------------------------------------------------------------

namespace {

std::vector<std::string> names_of(const std::vector<models::SentenceModuleConfig>& modules) {
  std::vector<std::string> names;
  for (const auto& module : modules) names.push_back(module.describe());
  return names;
}

}  // namespace

ModelInfo EmbeddingManager::info() {
  const auto model = impl_->load();
  const auto& folder = impl_->config.sentence_transformer;
  return {.task = "embedding",
          .architecture = impl_->config.model_class,
          .model_type = impl_->config.encoder.model_type,
          .parameters = model->parameters(),
          .weight_bytes = model->bytes(),
          .dtype = std::string(to_string(impl_->placement.dtype)),
          .device = to_string(device()),
          .pool_size = pool_size(),
          .pool_size_reason = size_reason(),
          .threads = impl_->threads.load(),
          .max_length = max_length(),
          .dimension = dimension(),
          .pooling = models::to_string(folder.pooling),
          .normalize = folder.normalizes(),
          .modules = names_of(folder.after_pooling),
          .pooling_is_default = !folder.has_modules,
          .ignored_tensors = model->ignored_tensors()};
}

const Tokenizer& EmbeddingManager::tokenizer() const noexcept { return *impl_->tokenizer; }

std::size_t EmbeddingManager::dimension() const noexcept { return impl_->config.dimension(); }

std::size_t EmbeddingManager::dimension(const EmbedOptions& options) const {
  return detail::resolve(options, impl_->config, *impl_->tokenizer).dimension;
}

std::size_t EmbeddingManager::max_length() const noexcept {
  return detail::default_max_length(impl_->config, *impl_->tokenizer);
}

std::vector<std::string> EmbeddingManager::prompt_names() const {
  std::vector<std::string> names;
  for (const auto& [name, text] : impl_->config.sentence_transformer.prompts) names.push_back(name);
  return names;
}

const std::filesystem::path& EmbeddingManager::folder() const noexcept { return impl_->config.folder; }

}  // namespace modelpool
