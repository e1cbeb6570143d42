// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/input.hpp"
#include "cli/options.hpp"

namespace modelpool::cli {

/// Why an input fails before the model sees it.
struct RowError {
  std::string code = {};  ///< of the library's errors: invalid_input or invalid_options
  std::string message = {};
};

/// An input of `embed` and `bench`, and what `search` makes of its questions.
struct EmbedRow {
  std::string text = {};
  EmbedFlags flags = {};  ///< of the command line, and over them those of the row
  std::optional<RowError> error = {};
};

/// An input of `search`.
struct QuestionRow {
  std::string text = {};
  std::size_t top_k = 0;
  std::optional<RowError> error = {};
};

/// An input of `classify`.
struct ClassifyRow {
  std::string text = {};
  ClassifyFlags flags = {};
  std::optional<RowError> error = {};
};

/// An input of `tokenize`.
struct TokenizeRow {
  std::string text = {};
  std::vector<std::int32_t> ids = {};  ///< with --decode
  TokenizeFlags flags = {};
  std::optional<RowError> error = {};
};

/// Makes a row of an input: the text itself, or with InputFormat::jsonl a JSON string, or an object with `text` and the
/// options of that row under their names with underscores (`max_length`). Never throws for what the input holds.
[[nodiscard]] EmbedRow make_embed_row(RawInput input, InputFormat format, const EmbedFlags& defaults);
[[nodiscard]] QuestionRow make_question_row(RawInput input, InputFormat format, std::size_t top_k);
[[nodiscard]] ClassifyRow make_classify_row(RawInput input, InputFormat format, const ClassifyFlags& defaults);
[[nodiscard]] TokenizeRow make_tokenize_row(RawInput input, InputFormat format, const TokenizeFlags& defaults);

}  // namespace modelpool::cli
