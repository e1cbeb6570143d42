// SPDX-License-Identifier: Apache-2.0
#include "modelpool/managers/classification.hpp"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <utility>

#include "device/intra_op_scope.hpp"
#include "managers/classify_run.hpp"
#include "managers/shared_tokenizer.hpp"
#include "managers/torch_errors.hpp"
#include "modelpool/device/processors.hpp"
#include "modelpool/weights/weight_store.hpp"

namespace modelpool {
namespace {

using Task = models::ClassificationConfig::Task;

std::string name_of(const std::filesystem::path& folder) {
  const auto name = folder.has_filename() ? folder.filename() : folder.parent_path().filename();
  return "classification " + name.string();
}

}  // namespace

Aggregation parse_aggregation(std::string_view text) {
  if (text == "none") return Aggregation::none;
  if (text == "simple") return Aggregation::simple;
  throw InvalidOptions("aggregation", std::string(text), "none or simple");
}

// ---- ClassificationInstance
// --------------------------------------------------------------------------------------------

ClassificationInstance::ClassificationInstance(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
ClassificationInstance::~ClassificationInstance() = default;

std::uint64_t ClassificationInstance::state_bytes() const noexcept {
  return sizeof(Impl) + impl_->workspace.bytes() + impl_->batch.input_ids.capacity() * sizeof(std::int32_t) +
         impl_->batch.cu_seqlens.capacity() * sizeof(std::int64_t);
}

std::uint64_t ClassificationInstance::weight_bytes() const noexcept { return impl_->model->bytes(); }

int ClassificationInstance::threads() const noexcept { return impl_->workspace.threads(); }

// ---- what requests and the factory share
// -------------------------------------------------------------------------------

struct ClassificationManager::Impl {
  Impl(std::filesystem::path folder, const ManagerOptions& options, const Settings& settings)
      : config(models::ClassificationConfig::from_folder(folder)),
        placement(detail::place(options, settings, available_processors())),
        share_between_callers(options.share_between_callers),
        tokenizer(detail::shared_tokenizer(folder)) {}

  [[nodiscard]] std::shared_ptr<const models::ClassificationModel> load() const;
  [[nodiscard]] std::unique_ptr<ClassificationInstance> create() const;
  [[nodiscard]] PoolOptions<ClassificationInstance> pool_options() const;

  models::ClassificationConfig config;
  detail::Placement placement;
  bool share_between_callers;
  std::shared_ptr<const Tokenizer> tokenizer;
};

std::shared_ptr<const models::ClassificationModel> ClassificationManager::Impl::load() const {
  try {
    const c10::InferenceMode inference;
    const IntraOpScope alone(1);  // reading weights starts no threads
    auto checkpoint = config.open_checkpoint();
    const auto files = checkpoint.identity();
    const WeightKey key{{files.begin(), files.end()}, placement.device, placement.dtype, config.weight_key()};
    return WeightStore::global().get_or_load<models::ClassificationModel>(key, [&] {
      return std::make_shared<const models::ClassificationModel>(
          config, std::move(checkpoint), models::EncoderPlace{placement.device, placement.dtype});
    });
  } catch (...) {
    detail::rethrow_as_ours(to_string(placement.device));
  }
}

std::unique_ptr<ClassificationInstance> ClassificationManager::Impl::create() const {
  auto impl =
      std::make_unique<ClassificationInstance::Impl>(load(), nn::Workspace(placement.threads), nn::RaggedBatch{});
  return std::unique_ptr<ClassificationInstance>(new ClassificationInstance(std::move(impl)));
}

PoolOptions<ClassificationInstance> ClassificationManager::Impl::pool_options() const {
  PoolOptions<ClassificationInstance> options;
  options.max_size = placement.pool_size;
  options.max_size_reason = placement.pool_size_reason;
  options.name = name_of(config.folder);
  // The last instance to go takes the weights with it.
  options.bytes_of = [](const ClassificationInstance& instance) {
    const bool last = instance.impl_->model.use_count() == 1;
    return static_cast<std::size_t>(instance.state_bytes() + (last ? instance.weight_bytes() : 0));
  };
  return options;
}

// ---- ClassificationManager
// ---------------------------------------------------------------------------------------------

ClassificationManager::ClassificationManager(std::filesystem::path folder, ManagerOptions options,
                                             const Settings& settings)
    : ClassificationManager(std::make_shared<Impl>(std::move(folder), options, settings)) {}

ClassificationManager::ClassificationManager(std::shared_ptr<Impl> impl)
    : ModelManager([impl] { return impl->create(); }, impl->pool_options(), impl->placement.device,
                   impl->placement.pool_size_reason),
      impl_(std::move(impl)) {}

ClassificationManager::~ClassificationManager() = default;

Timings ClassificationManager::run(std::span<const std::string_view> texts, ClassificationInstance* instance,
                                   const ClassifyOptions& options, const detail::ClassifyDelivery& delivery) {
  const auto request = detail::resolve(options, impl_->config, *impl_->tokenizer);
  const detail::ClassifyRun::Worker worker{.instance = instance,
                                           .pool = &pool(),
                                           .most_threads = instance || !impl_->share_between_callers ? 1 : pool_size()};
  detail::ClassifyRun run(request, impl_->config, *impl_->tokenizer, worker, delivery);
  run.run(texts);
  return run.timings();
}

Classifications ClassificationManager::collect(std::span<const std::string_view> texts,
                                               ClassificationInstance* instance, const ClassifyOptions& options) {
  Classifications found;
  found.texts.resize(texts.size());
  found.timings =
      run(texts, instance, options,
          {.result = [&](std::size_t index, Classification&& result) { found.texts[index] = std::move(result); },
           .error = [](std::size_t, const std::exception_ptr& error) { std::rethrow_exception(error); }});
  return found;
}

namespace {

std::vector<std::string_view> views_of(std::span<const std::string> texts) { return {texts.begin(), texts.end()}; }

}  // namespace

Classifications ClassificationManager::classify(std::span<const std::string> texts, const ClassifyOptions& options) {
  return collect(views_of(texts), nullptr, options);
}

Classifications ClassificationManager::classify(std::span<const std::string> texts, ClassificationInstance& instance,
                                                const ClassifyOptions& options) {
  return collect(views_of(texts), &instance, options);
}

Classification ClassificationManager::classify(std::string_view text, const ClassifyOptions& options) {
  return std::move(collect(std::span{&text, 1}, nullptr, options).texts.front());
}

Timings ClassificationManager::classify_each(std::span<const std::string> texts, const ClassifySink& sink,
                                             const ClassifyOptions& options) {
  return run(views_of(texts), nullptr, options,
             {.result =
                  [&](std::size_t index, const Classification& result) {
                    if (sink.on_result) sink.on_result(index, result);
                  },
              .error =
                  [&](std::size_t index, const std::exception_ptr& error) {
                    try {
                      std::rethrow_exception(error);
                    } catch (const Error& known) {
                      if (sink.on_error) sink.on_error(index, known);
                    }
                  }});
}

// ---- what the model is
// -------------------------------------------------------------------------------------------------

ModelInfo ClassificationManager::info() {
  const auto model = impl_->load();
  return {.task = classifies_tokens() ? "token-classification" : "text-classification",
          .architecture = impl_->config.model_class,
          .model_type = impl_->config.encoder.model_type,
          .parameters = model->parameters(),
          .weight_bytes = model->bytes(),
          .dtype = std::string(to_string(impl_->placement.dtype)),
          .device = to_string(device()),
          .pool_size = pool_size(),
          .pool_size_reason = size_reason(),
          .threads = impl_->placement.threads,
          .max_length = max_length(),
          .labels = labels(),
          .ignored_tensors = model->ignored_tensors()};
}

const Tokenizer& ClassificationManager::tokenizer() const noexcept { return *impl_->tokenizer; }

const std::vector<std::string>& ClassificationManager::labels() const noexcept { return impl_->config.labels; }

bool ClassificationManager::classifies_tokens() const noexcept { return impl_->config.task == Task::token; }

std::size_t ClassificationManager::max_length() const noexcept {
  return detail::default_max_length(impl_->config, *impl_->tokenizer);
}

const std::filesystem::path& ClassificationManager::folder() const noexcept { return impl_->config.folder; }

}  // namespace modelpool
