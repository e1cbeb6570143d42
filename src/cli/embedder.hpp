// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>

#include "cli/command_context.hpp"
#include "cli/rows.hpp"
#include "modelpool/managers/embedding.hpp"

namespace modelpool::cli {

/// The common options as managers take them.
[[nodiscard]] ManagerOptions manager_options(const CommonOptions& options);
/// The settings, where the common options do not say otherwise.
[[nodiscard]] Settings settings_under(const CommonOptions& options);

/// The manager that the common options ask for. The weights are not loaded yet.
/// @throws UsageError, Error
[[nodiscard]] EmbeddingManager open_embedder(const CommonOptions& options);

/// Loads the weights and makes `instances` instances, so that what is wrong with them ends the command before its first
/// input. @throws Error
void load_model(EmbeddingManager& manager, std::size_t instances, const CommandContext& context);

/// What the library wants for one text: the flags of a row under the common options.
[[nodiscard]] EmbedOptions make_embed_options(const CommonOptions& common, const EmbedFlags& flags,
                                              std::stop_token stop);

/// Receives what becomes of each row, from any thread, of different rows at the same time.
struct RowSink {
  std::function<void(std::size_t row, std::span<const float> embedding, std::size_t tokens)> on_result;
  std::function<void(std::size_t row, std::string_view code, std::string_view message)> on_error;
};

/// Embeds rows through the pool: rows of equal flags in one call, calls beside each other where there are several. After
/// an interruption the rows that were not begun are told to nobody.
/// @throws OutputError and other exceptions of the sink, and errors that are not of one row (no instance can be made)
void embed_rows(EmbeddingManager& manager, std::span<EmbedRow> rows, const CommandContext& context,
                const RowSink& sink);

/// How many inputs are read and embedded together.
struct WindowLimits {
  std::size_t rows;
  std::size_t bytes;
};

/// Large windows, so that batches of equal length can be formed; with --timeout no more than what the pool takes at
/// once, because a request's time starts when it is queued.
[[nodiscard]] WindowLimits window_limits(const CommonOptions& options, std::size_t pool_size);

}  // namespace modelpool::cli
