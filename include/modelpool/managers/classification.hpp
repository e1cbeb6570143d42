// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "modelpool/error.hpp"
#include "modelpool/managers/model_info.hpp"
#include "modelpool/managers/model_manager.hpp"
#include "modelpool/managers/options.hpp"
#include "modelpool/settings.hpp"

namespace modelpool {

class Tokenizer;

namespace detail {
class ClassifyRun;
struct ClassifyDelivery;
struct ClassifyRequest;
}  // namespace detail

/// Whether neighbouring tokens of one entity are joined. The names are those of the Hugging Face pipeline.
enum class Aggregation { none, simple };

/// @param text  "none" or "simple"
/// @throws InvalidOptions  naming these
[[nodiscard]] Aggregation parse_aggregation(std::string_view text);

/// Options of one request.
struct ClassifyOptions {
  Aggregation aggregation = Aggregation::none;  ///< of token classification; the other kind has nothing to join
  std::optional<std::size_t> max_length = {};   ///< tokens of a text, special ones included; longer ones lose their end
  std::optional<std::size_t> batch_size = {};   ///< most texts in one forward
  std::optional<std::size_t> batch_tokens = {};          ///< most tokens in one forward (one longer text runs alone)
  std::optional<std::chrono::nanoseconds> timeout = {};  ///< whole request, from queueing to result; nullopt: for ever
  std::stop_token stop = {};                             ///< looked at between batches
};

struct LabelScore {
  std::string label;
  float score = 0;
};

/// A token, or with Aggregation::simple several of them, that the model has named.
struct Entity {
  std::string label;                      ///< of a token as it is, for example "B-PER"; of several without "B-" or "I-"
  float score = 0;                        ///< of several tokens, their mean
  std::optional<std::size_t> index = {};  ///< place among the text's tokens; nullopt with Aggregation::simple
  std::string
      word;  ///< the vocabulary's string (what stands in the text, where that is unknown), or those of several as text
  std::size_t start = 0;  ///< in Unicode code points of the text
  std::size_t end = 0;    ///< one behind the last
};

/// What one text came to.
struct Classification {
  std::vector<LabelScore> labels = {};  ///< of a sequence classifier: all of them, the best first
  std::vector<Entity> entities = {};    ///< of a token classifier, in the text's order; without those labelled "O"
  std::size_t tokens = 0;               ///< that the model saw, special ones included
};

/// One for each text, in the order of the texts.
struct Classifications {
  std::vector<Classification> texts;
  Timings timings;
};

/// Receives the results of classify_each(); as EmbedSink.
struct ClassifySink {
  std::function<void(std::size_t index, const Classification& result)> on_result = {};
  std::function<void(std::size_t index, const Error& error)> on_error = {};
};

/// The part of a classifier that one thread uses at a time: its working memory and thread budget.
class ClassificationInstance {
 public:
  ~ClassificationInstance();
  ClassificationInstance(const ClassificationInstance&) = delete;
  ClassificationInstance& operator=(const ClassificationInstance&) = delete;

  [[nodiscard]] std::uint64_t state_bytes() const noexcept;   ///< held by this instance alone, now
  [[nodiscard]] std::uint64_t weight_bytes() const noexcept;  ///< shared
  [[nodiscard]] int threads() const noexcept;                 ///< intra-op thread budget

  struct Impl;  ///< defined with the models, in the library

 private:
  friend class ClassificationManager;
  friend class detail::ClassifyRun;
  explicit ClassificationInstance(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

/// Token and sequence classification from a Hugging Face folder of BertForTokenClassification, …ForSequenceClassification
/// and their relatives: labels, scores and entities equal those of transformers' pipelines.
///
///     modelpool::ClassificationManager recognizer{"models/bert-base-NER"};
///     for (const auto& entity : recognizer.classify("Ada lives in London", {.aggregation = Aggregation::simple}).entities) …
///
/// Thread safety: every member may be called from any thread at any time.
class ClassificationManager : public ModelManager<ClassificationInstance> {
 public:
  /// Reads the folder's configuration and tokenizer; the weights are read by the first request, or by warm_up().
  /// @throws LoadError, UnsupportedModel  naming file, key and value
  /// @throws InvalidOptions, DeviceError  if the options do not fit each other, the settings or the machine
  explicit ClassificationManager(std::filesystem::path folder, ManagerOptions options = {},
                                 const Settings& settings = Settings::from_environment());
  ~ClassificationManager();

  /// Leases by itself.
  /// @throws InvalidInput      the first text that is not valid UTF-8 (`index` says which)
  /// @throws InvalidOptions    an option that this model cannot fulfil
  /// @throws AcquireTimeout, DeadlineExceeded, Cancelled
  [[nodiscard]] Classifications classify(std::span<const std::string> texts, const ClassifyOptions& options = {});
  /// For classify({"one", "two"}), where the braces would otherwise make one std::string_view of two pointers.
  [[nodiscard]] Classifications classify(std::initializer_list<std::string> texts,
                                         const ClassifyOptions& options = {}) {
    return classify(std::span{texts.begin(), texts.size()}, options);
  }
  /// On an instance that the caller holds; options.timeout then counts from now.
  [[nodiscard]] Classifications classify(std::span<const std::string> texts, ClassificationInstance& instance,
                                         const ClassifyOptions& options = {});
  /// One text.
  [[nodiscard]] Classification classify(std::string_view text, const ClassifyOptions& options = {});

  /// As classify(texts), but each result goes to `sink` as soon as it is there, and a text that fails does so alone.
  /// @throws InvalidOptions  before the first text
  /// @throws CreateFailed, PoolClosed  no text can be computed
  /// An exception of the sink ends the call and comes out of it.
  Timings classify_each(std::span<const std::string> texts, const ClassifySink& sink,
                        const ClassifyOptions& options = {});

  /// Loads the weights if nobody has yet. @throws as acquire()
  [[nodiscard]] ModelInfo info();
  [[nodiscard]] const Tokenizer& tokenizer() const noexcept;
  /// The model's labels, in its order.
  [[nodiscard]] const std::vector<std::string>& labels() const noexcept;
  /// Whether it classifies tokens; else whole texts.
  [[nodiscard]] bool classifies_tokens() const noexcept;
  /// Tokens of a text, special ones included: min(`model_max_length`, number of positions).
  [[nodiscard]] std::size_t max_length() const noexcept;
  [[nodiscard]] const std::filesystem::path& folder() const noexcept;

 private:
  struct Impl;
  explicit ClassificationManager(std::shared_ptr<Impl> impl);
  Timings run(std::span<const std::string_view> texts, ClassificationInstance* instance, const ClassifyOptions& options,
              const detail::ClassifyDelivery& delivery);
  Classifications collect(std::span<const std::string_view> texts, ClassificationInstance* instance,
                          const ClassifyOptions& options);
  std::shared_ptr<Impl> impl_;
};

}  // namespace modelpool
