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
class EmbedBatcher;
class EmbedRun;
struct EmbedDelivery;
struct EmbedRequest;
}  // namespace detail

/// How the vectors of a text's tokens become one vector.
enum class Pooling { automatic, mean, cls, max, lasttoken };

/// @param text  "auto", "mean", "cls", "max" or "lasttoken"
/// @throws InvalidOptions  naming these
[[nodiscard]] Pooling parse_pooling(std::string_view text);

/// Options of one request. What is not given comes from the model's folder.
struct EmbedOptions {
  /// true: to unit length, after `dimensions`; false: not even where the folder says so.
  std::optional<bool> normalize = {};
  std::optional<std::string> prompt = {};       ///< put before every text
  std::optional<std::string> prompt_name = {};  ///< one of prompt_names(); nullopt: the folder's default prompt
  Pooling pooling = Pooling::automatic;         ///< automatic: as the folder says
  std::optional<std::size_t> dimensions = {};   ///< keep only the first ones
  std::optional<std::size_t> max_length = {};  ///< tokens of a text, special ones included; longer texts lose their end
  std::optional<std::size_t> batch_size = {};  ///< most texts in one forward
  std::optional<std::size_t> batch_tokens = {};          ///< most tokens in one forward (one longer text runs alone)
  std::optional<std::chrono::nanoseconds> timeout = {};  ///< whole request, from queueing to result; nullopt: for ever
  std::stop_token stop = {};  ///< ends waiting at once, and computing after the batch under way
};

using EmbedTimings = Timings;

/// One vector for each text, in the order of the texts.
struct Embeddings {
  std::size_t num_texts = 0;
  std::size_t dimension = 0;
  std::vector<float> values;        ///< (num_texts, dimension), row-major
  std::vector<std::size_t> tokens;  ///< (num_texts): tokens that the model saw, special ones included
  EmbedTimings timings;

  /// @return (dimension), valid as long as this object  @pre i < num_texts
  [[nodiscard]] std::span<const float> operator[](std::size_t i) const noexcept {
    return {values.data() + i * dimension, dimension};
  }
};

/// Receives the results of embed_each(). Exactly one of the two is called for each text: as soon as its batch is done,
/// in no particular order, from the threads of the call, but never from two at the same time.
struct EmbedSink {
  /// @param index      which text
  /// @param embedding  (dimension), valid during the call only
  /// @param tokens     that the model saw, special ones included
  std::function<void(std::size_t index, std::span<const float> embedding, std::size_t tokens)> on_result = {};
  /// @param error  InvalidInput (this text alone), or AcquireTimeout, Overloaded, DeadlineExceeded, Cancelled,
  ///               OutOfMemory, DeviceError (its batch)
  std::function<void(std::size_t index, const Error& error)> on_error = {};
};

/// The part of an embedding model that one thread uses at a time: its working memory and thread budget. Weights and
/// tokenizer are shared by all instances of a manager, and by managers of the same folder, device and dtype.
class EmbeddingInstance {
 public:
  ~EmbeddingInstance();
  EmbeddingInstance(const EmbeddingInstance&) = delete;
  EmbeddingInstance& operator=(const EmbeddingInstance&) = delete;

  [[nodiscard]] std::uint64_t state_bytes() const noexcept;   ///< held by this instance alone, now
  [[nodiscard]] std::uint64_t weight_bytes() const noexcept;  ///< shared
  [[nodiscard]] int threads() const noexcept;                 ///< intra-op thread budget

  struct Impl;  ///< defined with the models, in the library

 private:
  friend class EmbeddingManager;
  friend class detail::EmbedRun;
  explicit EmbeddingInstance(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

/// Sentence embeddings from a Hugging Face or sentence-transformers folder, equal to sentence-transformers'.
///
///     modelpool::EmbeddingManager embedder{"models/all-MiniLM-L6-v2"};
///     const auto embeddings = embedder.embed(texts);         // leases by itself, as many instances as are worth it
///     auto instance = embedder.acquire({.timeout = 5s});     // or exclusively
///     const auto more = embedder.embed(texts, *instance, {.normalize = true});
///
/// Texts of any length are accepted (see max_length()); an empty text is the model's special tokens. Texts of one call
/// are sorted by length into batches without padding; a text's vector does not depend on its neighbours beyond rounding
/// (differences below 1e-5 for vectors of unit length).
/// Thread safety: every member may be called from any thread at any time.
class EmbeddingManager : public ModelManager<EmbeddingInstance> {
 public:
  /// Reads the folder's configuration and tokenizer; the weights are read by the first request, or by warm_up().
  /// @throws LoadError, UnsupportedModel  naming file, key and value
  /// @throws InvalidOptions, DeviceError  if the options do not fit each other, the settings or the machine
  explicit EmbeddingManager(std::filesystem::path folder, ManagerOptions options = {},
                            const Settings& settings = Settings::from_environment());
  ~EmbeddingManager();

  /// Leases by itself.
  /// @throws InvalidInput      the first text that is not valid UTF-8 (`index` says which); nothing was computed
  /// @throws InvalidOptions    an option that this model cannot fulfil
  /// @throws AcquireTimeout, DeadlineExceeded, Cancelled
  [[nodiscard]] Embeddings embed(std::span<const std::string> texts, const EmbedOptions& options = {});
  /// For embed({"one", "two"}), where the braces would otherwise make one std::string_view of two pointers.
  [[nodiscard]] Embeddings embed(std::initializer_list<std::string> texts, const EmbedOptions& options = {}) {
    return embed(std::span{texts.begin(), texts.size()}, options);
  }
  /// On an instance that the caller holds; options.timeout then counts from now.
  [[nodiscard]] Embeddings embed(std::span<const std::string> texts, EmbeddingInstance& instance,
                                 const EmbedOptions& options = {});
  /// One text. @return (dimension)
  [[nodiscard]] std::vector<float> embed(std::string_view text, const EmbedOptions& options = {});

  /// As embed(texts), but each result goes to `sink` as soon as it is there, and a text that fails does so alone.
  /// @throws InvalidOptions  before the first text
  /// @throws CreateFailed, PoolClosed  no text can be computed
  /// An exception of the sink ends the call and comes out of it.
  EmbedTimings embed_each(std::span<const std::string> texts, const EmbedSink& sink, const EmbedOptions& options = {});
  EmbedTimings embed_each(std::span<const std::string> texts, EmbeddingInstance& instance, const EmbedSink& sink,
                          const EmbedOptions& options = {});

  /// Measures, for about half a second, what the pool's size should be, and sets it: how much memory an instance takes,
  /// and with how many instances, which share the processors, the most is computed. Does so once, and only where the size
  /// is automatic; it never exceeds Settings::model_pool_max_instances. Meant for a program's start, before its callers
  /// come: they would disturb the measurement. size_reason() and pool_size() tell what came out.
  /// @throws as acquire()
  void calibrate();

  /// Loads the weights if nobody has yet. @throws as acquire()
  [[nodiscard]] ModelInfo info();
  [[nodiscard]] const Tokenizer& tokenizer() const noexcept;
  /// Of an embedding without options, and with these.
  [[nodiscard]] std::size_t dimension() const noexcept;
  /// @throws InvalidOptions
  [[nodiscard]] std::size_t dimension(const EmbedOptions& options) const;
  /// Tokens of a text, special ones included: `max_seq_length` of sentence_bert_config.json, else
  /// min(`model_max_length`, `max_position_embeddings`).
  [[nodiscard]] std::size_t max_length() const noexcept;
  /// Names that EmbedOptions::prompt_name accepts.
  [[nodiscard]] std::vector<std::string> prompt_names() const;
  [[nodiscard]] const std::filesystem::path& folder() const noexcept;

 private:
  struct Impl;
  class Calibration;
  explicit EmbeddingManager(std::shared_ptr<Impl> impl);
  EmbedTimings run(std::span<const std::string_view> texts, EmbeddingInstance* instance,
                   const detail::EmbedRequest& request, const detail::EmbedDelivery& delivery);
  void measure_size();
  Embeddings collect(std::span<const std::string> texts, EmbeddingInstance* instance, const EmbedOptions& options);
  EmbedTimings deliver(std::span<const std::string> texts, EmbeddingInstance* instance, const EmbedSink& sink,
                       const EmbedOptions& options);
  std::shared_ptr<Impl> impl_;
  std::unique_ptr<detail::EmbedBatcher> batcher_;  // null: callers share no instance
};

}  // namespace modelpool
