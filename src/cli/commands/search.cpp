// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/search.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "cli/embedder.hpp"
#include "cli/input.hpp"
#include "cli/json.hpp"
#include "cli/search_index.hpp"
#include "cli/wrap.hpp"

namespace modelpool::cli {
namespace {

constexpr std::size_t kWindowRows = 256;
constexpr std::size_t kWindowBytes = std::size_t{1} << 20;

std::string hits_as_json(const std::string& query, const std::vector<SearchIndex::Hit>& hits,
                         const SearchIndex& index) {
  std::string out;
  for (std::size_t rank = 1; rank <= hits.size(); ++rank) {
    const auto& passage = index.passage(hits[rank - 1].passage);
    out += "{\"query\":";
    append_json_string(out, query);
    out += fmt::format(",\"rank\":{},\"file\":", rank);
    append_json_string(out, passage.file);
    out += fmt::format(",\"line\":{},\"text\":", passage.line);
    append_json_string(out, passage.text);
    out += ",\"score\":";
    append_json_float(out, hits[rank - 1].score);
    out += "}\n";
  }
  return out;
}

std::string bold(const Paper& paper, const std::string& text) {
  return paper.colours ? "\x1b[1m" + text + "\x1b[0m" : text;
}

std::string dim(const Paper& paper, const std::string& text) {
  return paper.colours ? "\x1b[2m" + text + "\x1b[0m" : text;
}

std::string hits_for_people(const std::string& query, const std::vector<SearchIndex::Hit>& hits,
                            const SearchIndex& index) {
  constexpr std::size_t kMostLines = 12;  // of one passage
  const auto paper = paper_of(STDOUT_FILENO);
  std::string out = bold(paper, query) + "\n";
  for (const auto& hit : hits) {
    const auto& passage = index.passage(hit.passage);
    const auto section = passage.heading.empty() ? std::string{} : "  " + passage.heading;
    out += fmt::format("\n  {}{}\n", fmt::format("{}:{}", passage.file, passage.line),
                       dim(paper, fmt::format("{}  (score {:.2f})", section, hit.score)));
    out += wrap(passage.text, 4, paper.width, kMostLines);
  }
  return out + "\n";
}

std::vector<EmbedRow> make_questions(std::vector<RawInput> window, const Options& options, const EmbedFlags& flags) {
  std::vector<EmbedRow> rows;
  for (auto& input : window) rows.push_back(make_embed_row(std::move(input), options.common.input_format, flags));
  return rows;
}

std::size_t answer_window(EmbeddingManager& manager, const SearchIndex& index, std::vector<EmbedRow> rows,
                          std::size_t first, CommandContext& context) {
  const auto& options = context.options;
  std::vector<std::string> questions;  // embedding takes the texts of the rows away
  for (const auto& row : rows) questions.push_back(row.text);
  OrderedResults results(rows.size(), context.out, context.log);
  embed_rows(manager, rows, context,
             {.on_result =
                  [&](std::size_t row, std::span<const float> embedding, std::size_t) {
                    const auto hits = index.find(embedding, options.search.top_k);
                    results.set(row, {.out = options.common.json ? hits_as_json(questions[row], hits, index)
                                                                 : hits_for_people(questions[row], hits, index)});
                  },
              .on_error =
                  [&](std::size_t row, std::string_view code, std::string_view message) {
                    results.set(row, render_failure(options.common.json, first + row, code, message));
                  }});
  results.finish();
  return results.failures();
}

EmbedFlags question_flags(const EmbeddingManager& manager) {
  const auto names = manager.prompt_names();
  EmbedFlags flags;
  if (std::find(names.begin(), names.end(), "query") != names.end()) flags.prompt_name = "query";
  return flags;
}

}  // namespace

int run_search(CommandContext& context) {
  const auto& options = context.options;
  InputSource source(options.common, context.interrupt.wake_fd());
  auto passages = read_passages(options.search.index, context.log);
  auto manager = open_embedder(options.common);
  load_model(manager, 1, context);
  const SearchIndex index(manager, std::move(passages), context);
  const auto flags = question_flags(manager);
  std::size_t failures = 0;
  while (!context.interrupt.triggered()) {
    auto window = source.next_window(kWindowRows, kWindowBytes);
    if (window.empty()) break;
    const auto first = window.front().index;
    failures += answer_window(manager, index, make_questions(std::move(window), options, flags), first, context);
  }
  return context.exit_code(failures);
}

}  // namespace modelpool::cli
