// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/tokenize.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/input.hpp"
#include "cli/json.hpp"
#include "cli/model_folder.hpp"
#include "cli/parallel.hpp"
#include "cli/progress.hpp"
#include "cli/rows.hpp"
#include "modelpool/device/processors.hpp"
#include "modelpool/error.hpp"
#include "modelpool/tokenizers/tokenizer.hpp"

namespace modelpool::cli {
namespace {

// A window's results are in memory together; JSON with offsets is about ten times its text.
constexpr std::size_t kWindowRows = 4096;
constexpr std::size_t kWindowBytes = std::size_t{1} << 20;

std::string_view token_of(const Tokenizer& tokenizer, std::int32_t id) {
  return tokenizer.id_to_token(id).value_or("");
}

void append_offsets(std::string& out, const Encoding& encoding) {
  out += ",\"offsets\":[";
  for (std::size_t i = 0; i < encoding.offsets.size(); ++i) {
    out += i > 0 ? ",[" : "[";
    append_json_integer(out, encoding.offsets[i].first);
    out += ',';
    append_json_integer(out, encoding.offsets[i].second);
    out += ']';
  }
  out += ']';
}

std::string tokens_as_json(std::size_t index, const Encoding& encoding, const Tokenizer& tokenizer) {
  std::string out = "{\"index\":";
  append_json_integer(out, static_cast<std::int64_t>(index));
  out += ",\"ids\":[";
  for (std::size_t i = 0; i < encoding.size(); ++i) {
    if (i > 0) out += ',';
    append_json_integer(out, encoding.input_ids[i]);
  }
  out += "],\"tokens\":[";
  for (std::size_t i = 0; i < encoding.size(); ++i) {
    if (i > 0) out += ',';
    append_json_string(out, token_of(tokenizer, encoding.input_ids[i]));
  }
  out += ']';
  if (encoding.offsets.size() == encoding.size()) append_offsets(out, encoding);
  return out + "}\n";
}

std::string tokens_for_people(const Encoding& encoding, const Tokenizer& tokenizer) {
  std::string out;
  for (const auto id : encoding.input_ids)
    out += fmt::format("{}{}({})", out.empty() ? "" : " ", token_of(tokenizer, id), id);
  return out + "\n";
}

std::string render_text(bool json, std::size_t index, const std::string& text) {
  if (!json) return text + "\n";
  std::string out = "{\"index\":";
  append_json_integer(out, static_cast<std::int64_t>(index));
  out += ",\"text\":";
  append_json_string(out, text);
  return out + "}\n";
}

Encoding encode(const TokenizeRow& row, const Tokenizer& tokenizer, bool with_offsets) {
  const EncodeOptions options{
      .add_special_tokens = row.flags.special_tokens, .max_length = row.flags.max_length, .with_offsets = with_offsets};
  return row.flags.pair ? tokenizer.encode_pair(row.text, *row.flags.pair, options)
                        : tokenizer.encode(row.text, options);
}

Rendered render(const RawInput& input, const CommonOptions& common, const TokenizeFlags& flags,
                const Tokenizer& tokenizer) {
  const auto row = make_tokenize_row(input, common.input_format, flags);
  if (row.error) return render_failure(common.json, input.index, row.error->code, row.error->message);
  try {
    if (flags.decode)
      return {.out = render_text(common.json, input.index, tokenizer.decode(row.ids, !flags.special_tokens))};
    const auto encoding = encode(row, tokenizer, common.json);
    return {.out = common.json ? tokens_as_json(input.index, encoding, tokenizer)
                               : tokens_for_people(encoding, tokenizer)};
  } catch (const Error& e) {
    return render_failure(common.json, input.index, e.code(), e.what());
  }
}

}  // namespace

int run_tokenize(CommandContext& context) {
  const auto& common = context.options.common;
  const auto tokenizer = Tokenizer::from_folder(resolve_model(common.model, process_environment));
  InputSource source(common, context.interrupt.wake_fd());
  Progress progress(common.progress, "inputs", source.total_rows());
  const auto threads = common.threads ? static_cast<std::size_t>(*common.threads) : available_processors();
  std::size_t failures = 0;
  while (!context.interrupt.triggered()) {
    const auto window = source.next_window(kWindowRows, kWindowBytes);
    if (window.empty()) break;
    OrderedResults results(window.size(), context.out, context.log);
    parallel_for(window.size(), threads, context.interrupt.token(), [&](std::size_t i) {
      results.set(i, render(window[i], common, context.options.tokenize, *tokenizer));
    });
    results.finish();
    failures += results.failures();
    progress.advance(results.done(), source.fraction());
  }
  return context.exit_code(failures);
}

}  // namespace modelpool::cli
