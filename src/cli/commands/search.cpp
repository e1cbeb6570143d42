// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/search.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "cli/embedder.hpp"
#include "cli/input.hpp"
#include "cli/json.hpp"
#include "cli/model_folder.hpp"
#include "cli/model_identity.hpp"
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

EmbedFlags question_flags(const EmbeddingManager& manager) {
  const auto names = manager.prompt_names();
  EmbedFlags flags;
  if (std::find(names.begin(), names.end(), "query") != names.end()) flags.prompt_name = "query";
  return flags;
}

std::vector<QuestionRow> make_questions(std::vector<RawInput> window, const Options& options) {
  std::vector<QuestionRow> questions;
  for (auto& input : window)
    questions.push_back(make_question_row(std::move(input), options.common.input_format, options.search.top_k));
  return questions;
}

std::size_t answer_window(EmbeddingManager& manager, const SearchIndex& index,
                          const std::vector<QuestionRow>& questions, std::size_t first, CommandContext& context) {
  const auto& options = context.options;
  const auto flags = question_flags(manager);
  std::vector<EmbedRow> rows;
  for (const auto& question : questions)
    rows.push_back({.text = question.text, .flags = flags, .error = question.error});
  OrderedResults results(rows.size(), context.out, context.log);
  embed_rows(manager, rows, context,
             {.on_result =
                  [&](std::size_t row, std::span<const float> embedding, std::size_t) {
                    const auto& [text, top_k, error] = questions[row];
                    const auto hits = index.find(embedding, top_k);
                    results.set(row, {.out = options.common.json ? hits_as_json(text, hits, index)
                                                                 : hits_for_people(text, hits, index)});
                  },
              .on_error =
                  [&](std::size_t row, std::string_view code, std::string_view message) {
                    results.set(row, render_failure(options.common.json, first + row, code, message));
                  }});
  results.finish();
  return results.failures();
}

// What the numbers depend on before the model is loaded. nullopt: without a cache.
std::optional<Sha256> identity_of_files(const CommandContext& context, const std::filesystem::path& folder) {
  if (!context.options.search.cache) return std::nullopt;
  try {
    Sha256 identity;
    add_program(identity);
    add_model_files(identity, folder);
    return identity;
  } catch (const std::exception& e) {
    context.log.write(LogLevel::info, fmt::format("passages are embedded without a cache: {}", e.what()));
    return std::nullopt;
  }
}

// What the folder's files leave open: options of the command line and the machine decide these.
void add_choices(Sha256& hash, const ModelInfo& info) {
  for (const auto& text : {info.dtype, info.device, info.pooling}) hash.add_text(text);
  for (const auto number : {info.dimension, info.max_length, std::size_t{info.normalize}}) hash.add_number(number);
}

// One file for a folder, dtype and device, so that what a changed model left behind does not pile up.
std::string cache_file_name(const EmbeddingManager& manager, const ModelInfo& info) {
  std::error_code ignored;
  Sha256 hash;
  for (const auto& text :
       {std::filesystem::weakly_canonical(manager.folder(), ignored).string(), info.dtype, info.device})
    hash.add_text(text);
  const auto digest = hash.finish();
  std::string name;
  for (std::size_t i = 0; i < 16; ++i) name += fmt::format("{:02x}", digest[i]);
  return name + ".passages";
}

std::optional<PassageCache> open_cache(std::optional<Sha256> identity, EmbeddingManager& manager, Log& log) {
  if (!identity) return std::nullopt;
  const auto folder = search_cache_folder(process_environment);
  if (!folder) {
    log.write(LogLevel::info, "passages are embedded without a cache: neither XDG_CACHE_HOME nor HOME names a folder");
    return std::nullopt;
  }
  const auto info = manager.info();
  add_choices(*identity, info);
  return std::optional<PassageCache>(
      std::in_place,
      PassageCachePlace{
          .file = *folder / cache_file_name(manager, info), .model = identity->finish(), .dimension = info.dimension},
      log);
}

}  // namespace

int run_search(CommandContext& context) {
  const auto& options = context.options;
  InputSource source(options.common, context.interrupt.wake_fd());
  auto passages = read_passages(options.search.index, context.log);
  const auto identity = identity_of_files(context, resolve_model(options.common.model, process_environment));
  auto manager = open_embedder(options.common);
  load_model(manager, 1, context);
  const auto cache = open_cache(identity, manager, context.log);
  const SearchIndex index(manager, std::move(passages), cache ? &*cache : nullptr, context);
  std::size_t failures = 0;
  while (!context.interrupt.triggered()) {
    auto window = source.next_window(kWindowRows, kWindowBytes);
    if (window.empty()) break;
    const auto first = window.front().index;
    failures += answer_window(manager, index, make_questions(std::move(window), options), first, context);
  }
  return context.exit_code(failures);
}

}  // namespace modelpool::cli
