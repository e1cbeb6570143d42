// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/classify.hpp"

#include <fmt/format.h>

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cli/classifier.hpp"
#include "cli/embedder.hpp"
#include "cli/input.hpp"
#include "cli/json.hpp"
#include "cli/progress.hpp"
#include "cli/report.hpp"
#include "cli/rows.hpp"

namespace modelpool::cli {
namespace {

void append_score(std::string& out, std::string_view key, std::string_view label, float score) {
  out += fmt::format("{{\"{}\":", key);
  append_json_string(out, label);
  out += ",\"score\":";
  append_json_float(out, score);
}

void append_entity(std::string& out, const Entity& entity) {
  append_score(out, entity.index ? "entity" : "entity_group", entity.label, entity.score);
  if (entity.index) out += fmt::format(",\"index\":{}", *entity.index);
  out += ",\"word\":";
  append_json_string(out, entity.word);
  out += fmt::format(",\"start\":{},\"end\":{}}}", entity.start, entity.end);
}

std::string result_as_json(std::size_t index, const Classification& result, bool of_tokens) {
  auto out = fmt::format("{{\"index\":{},\"{}\":[", index, of_tokens ? "entities" : "labels");
  const auto start = out.size();
  for (const auto& entity : result.entities) {
    if (out.size() > start) out += ',';
    append_entity(out, entity);
  }
  for (const auto& label : result.labels) {
    if (out.size() > start) out += ',';
    append_score(out, "label", label.label, label.score);
    out += '}';
  }
  return out + "]}\n";
}

std::string result_for_people(std::size_t index, const Classification& result, bool of_tokens) {
  auto out = fmt::format("{}:", index);
  for (const auto& entity : result.entities)
    out += fmt::format(" {} \"{}\" ({:.3f})", entity.label, entity.word, entity.score);
  for (const auto& label : result.labels) out += fmt::format(" {} ({:.3f})", label.label, label.score);
  if (of_tokens && result.entities.empty()) out += " no entities";
  return out + '\n';
}

/// Rows of equal flags, in one call.
struct Group {
  std::vector<std::size_t> rows;  // places in the window
  std::vector<std::string> texts;
};

using Groups = std::map<ClassifyFlags, Group>;
using SetResult = std::function<void(std::size_t row, Rendered result)>;

Groups group_rows(std::vector<RawInput> window, const Options& options, const SetResult& set) {
  Groups groups;
  for (std::size_t i = 0; i < window.size(); ++i) {
    const auto index = window[i].index;
    auto row = make_classify_row(std::move(window[i]), options.common.input_format, options.classify);
    if (row.error) {
      set(i, render_failure(options.common.json, index, row.error->code, row.error->message));
      continue;
    }
    auto& group = groups[row.flags];
    group.rows.push_back(i);
    group.texts.push_back(std::move(row.text));
  }
  return groups;
}

void classify_group(ClassificationManager& manager, const ClassifyFlags& flags, const Group& group, std::size_t first,
                    const SetResult& set, const CommandContext& context) {
  const auto& common = context.options.common;
  const bool of_tokens = manager.classifies_tokens();
  const auto render = [&](std::size_t index, const Classification& result) {
    return common.json ? result_as_json(index, result, of_tokens) : result_for_people(index, result, of_tokens);
  };
  const auto fail = [&](std::size_t row, const Error& error) {
    if (error.code() == Cancelled::kCode && context.interrupt.triggered()) return;
    set(row, render_failure(common.json, first + row, error.code(), root_message(error)));
  };
  try {
    manager.classify_each(group.texts,
                          {.on_result =
                               [&](std::size_t i, const Classification& result) {
                                 set(group.rows[i], {.out = render(first + group.rows[i], result)});
                               },
                           .on_error = [&](std::size_t i, const Error& error) { fail(group.rows[i], error); }},
                          make_classify_options(common, flags, context.interrupt.token()));
  } catch (const InvalidOptions& error) {  // thrown before the first text: the options of these rows
    for (const auto row : group.rows) fail(row, error);
  }
}

std::size_t classify_window(ClassificationManager& manager, std::vector<RawInput> window, CommandContext& context,
                            Progress& progress) {
  const auto first = window.front().index;
  OrderedResults results(window.size(), context.out, context.log);
  const SetResult set = [&](std::size_t row, Rendered result) {
    results.set(row, std::move(result));
    progress.advance(1);
  };
  const auto groups = group_rows(std::move(window), context.options, set);
  for (const auto& [flags, group] : groups) classify_group(manager, flags, group, first, set, context);
  results.finish();
  return results.failures();
}

}  // namespace

int run_classify(CommandContext& context) {
  const auto& common = context.options.common;
  InputSource source(common, context.interrupt.wake_fd());
  auto manager = open_classifier(common);
  // Options that no row could be classified with, and weights that cannot be loaded, end the command before its first input.
  (void)manager.classify(std::vector<std::string>{}, make_classify_options(common, context.options.classify, {}));
  manager.warm_up(1);
  const auto limits = window_limits(common, manager.pool_size());
  Progress progress(common.progress, "inputs", source.total_rows());
  std::size_t failures = 0;
  while (!context.interrupt.triggered()) {
    auto window = source.next_window(limits.rows, limits.bytes);
    if (window.empty()) break;
    failures += classify_window(manager, std::move(window), context, progress);
    progress.advance(0, source.fraction());
  }
  return context.exit_code(failures);
}

}  // namespace modelpool::cli
