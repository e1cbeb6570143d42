// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/embed.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/embedder.hpp"
#include "cli/input.hpp"
#include "cli/json.hpp"
#include "cli/progress.hpp"

namespace modelpool::cli {
namespace {

std::string embedding_as_json(std::size_t index, std::span<const float> embedding, std::size_t tokens) {
  std::string out = "{\"index\":";
  append_json_integer(out, static_cast<std::int64_t>(index));
  out += ",\"embedding\":";
  append_json_floats(out, embedding);
  out += ",\"tokens\":";
  append_json_integer(out, static_cast<std::int64_t>(tokens));
  return out + "}\n";
}

// The whole vector is for programs (--json); people see its beginning, and that it is there.
std::string embedding_for_people(std::size_t index, std::span<const float> embedding, std::size_t tokens) {
  constexpr std::size_t kShown = 6;
  std::string out = fmt::format("{}: {} tokens, {} numbers:", index, tokens, embedding.size());
  for (const float x : embedding.first(std::min(kShown, embedding.size()))) out += fmt::format(" {:.4f}", x);
  return out + (embedding.size() > kShown ? " ...\n" : "\n");
}

std::vector<EmbedRow> make_rows(std::vector<RawInput> window, const Options& options) {
  std::vector<EmbedRow> rows;
  rows.reserve(window.size());
  for (auto& input : window)
    rows.push_back(make_embed_row(std::move(input), options.common.input_format, options.embed));
  return rows;
}

std::size_t embed_window(EmbeddingManager& manager, std::vector<RawInput> window, CommandContext& context,
                         Progress& progress) {
  const bool json = context.options.common.json;
  const auto first = window.front().index;
  auto rows = make_rows(std::move(window), context.options);
  OrderedResults results(rows.size(), context.out, context.log);
  const auto set = [&](std::size_t row, Rendered result) {
    results.set(row, std::move(result));
    progress.advance(1);
  };
  embed_rows(
      manager, rows, context,
      {.on_result =
           [&](std::size_t row, std::span<const float> embedding, std::size_t tokens) {
             const auto index = first + row;
             set(row, {.out = json ? embedding_as_json(index, embedding, tokens)
                                   : embedding_for_people(index, embedding, tokens)});
           },
       .on_error = [&](std::size_t row, std::string_view code,
                       std::string_view message) { set(row, render_failure(json, first + row, code, message)); }});
  results.finish();
  return results.failures();
}

}  // namespace

int run_embed(CommandContext& context) {
  const auto& common = context.options.common;
  InputSource source(common, context.interrupt.wake_fd());
  auto manager = open_embedder(common);
  // Options that no row could be embedded with, and weights that cannot be loaded, end the command before its first input.
  (void)manager.dimension(make_embed_options(common, context.options.embed, {}));
  load_model(manager, 1, context);
  const auto limits = window_limits(common, manager.pool_size());
  Progress progress(common.progress, "inputs", source.total_rows());
  std::size_t failures = 0;
  while (!context.interrupt.triggered()) {
    auto window = source.next_window(limits.rows, limits.bytes);
    if (window.empty()) break;
    failures += embed_window(manager, std::move(window), context, progress);
    progress.advance(0, source.fraction());
  }
  return context.exit_code(failures);
}

}  // namespace modelpool::cli
