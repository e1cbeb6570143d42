// SPDX-License-Identifier: Apache-2.0
#include "cli/embedder.hpp"

#include <fmt/format.h>

#include <chrono>
#include <map>
#include <utility>
#include <vector>

#include "cli/model_folder.hpp"
#include "cli/parallel.hpp"
#include "cli/report.hpp"

namespace modelpool::cli {
namespace {

constexpr std::size_t kDefaultBatch = 32;

/// Rows of equal flags.
struct Group {
  const EmbedFlags* flags;
  std::vector<std::size_t> rows;  // places in the window
};

std::vector<Group> group_rows(std::span<EmbedRow> rows, const RowSink& sink) {
  std::map<EmbedFlags, std::size_t> places;
  std::vector<Group> groups;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].error) {
      sink.on_error(i, rows[i].error->code, rows[i].error->message);
      continue;
    }
    const auto [place, is_new] = places.try_emplace(rows[i].flags, groups.size());
    if (is_new) groups.push_back({.flags = &rows[i].flags, .rows = {}});
    groups[place->second].rows.push_back(i);
  }
  return groups;
}

void embed_group(EmbeddingManager& manager, const Group& group, std::span<EmbedRow> rows, const CommandContext& context,
                 const RowSink& sink) {
  std::vector<std::string> texts;
  texts.reserve(group.rows.size());
  for (const auto row : group.rows) texts.push_back(std::move(rows[row].text));
  const EmbedSink inner{.on_result = [&](std::size_t i, std::span<const float> embedding,
                                         std::size_t tokens) { sink.on_result(group.rows[i], embedding, tokens); },
                        .on_error =
                            [&](std::size_t i, const Error& error) {
                              if (error.code() == Cancelled::kCode && context.interrupt.triggered()) return;
                              sink.on_error(group.rows[i], error.code(), root_message(error));
                            }};
  try {
    manager.embed_each(texts, inner,
                       make_embed_options(context.options.common, *group.flags, context.interrupt.token()));
  } catch (const InvalidOptions& e) {  // thrown before the first text: the options of these rows
    for (const auto row : group.rows) sink.on_error(row, e.code(), e.what());
  }
}

}  // namespace

ManagerOptions manager_options(const CommonOptions& options) {
  ManagerOptions manager;
  manager.device = Device::parse(options.device);
  manager.dtype = parse_dtype(options.dtype);
  if (options.pool_size) manager.pool_size = *options.pool_size;
  manager.threads = options.threads;
  return manager;
}

Settings settings_under(const CommonOptions& options) {
  auto settings = Settings::from_environment();
  if (Device::parse(options.device).kind != Device::Kind::automatic)
    settings.force_cpu = settings.force_gpu = false;  // flags beat settings
  return settings;
}

EmbeddingManager open_embedder(const CommonOptions& options) {
  return EmbeddingManager(resolve_model(options.model, process_environment), manager_options(options),
                          settings_under(options));
}

void load_model(EmbeddingManager& manager, std::size_t instances, const CommandContext& context) {
  const auto begin = std::chrono::steady_clock::now();
  manager.warm_up(instances);
  if (!context.log.enabled(LogLevel::info)) return;
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  const auto info = manager.info();
  context.log.write(
      LogLevel::info,
      fmt::format("loaded {} in {:.3f} s: {}, {}, {:.1f} MB; pool of {} (from: {}), {} threads each",
                  manager.folder().string(), seconds.count(), info.dtype, info.device,
                  static_cast<double>(info.weight_bytes) / 1e6, info.pool_size, info.pool_size_reason, info.threads));
}

EmbedOptions make_embed_options(const CommonOptions& common, const EmbedFlags& flags, std::stop_token stop) {
  EmbedOptions options;
  options.normalize = flags.normalize;
  options.prompt = flags.prompt;
  options.prompt_name = flags.prompt_name;
  if (flags.pooling) options.pooling = parse_pooling(*flags.pooling);
  options.dimensions = flags.dimensions;
  options.max_length = flags.max_length;
  options.batch_size = common.batch_size;
  options.batch_tokens = common.batch_tokens;
  options.timeout = common.timeout;
  options.stop = std::move(stop);
  return options;
}

void embed_rows(EmbeddingManager& manager, std::span<EmbedRow> rows, const CommandContext& context,
                const RowSink& sink) {
  const auto groups = group_rows(rows, sink);
  parallel_for(groups.size(), manager.pool_size(), context.interrupt.token(),
               [&](std::size_t g) { embed_group(manager, groups[g], rows, context, sink); });
}

WindowLimits window_limits(const CommonOptions& options, std::size_t pool_size) {
  constexpr WindowLimits kLarge{.rows = 4096, .bytes = std::size_t{16} << 20};
  if (!options.timeout) return kLarge;
  return {.rows = pool_size * options.batch_size.value_or(kDefaultBatch), .bytes = kLarge.bytes};
}

}  // namespace modelpool::cli
