// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/command_context.hpp"

namespace modelpool::cli {

/// `modelpool tokenize`: reads the tokenizer's files only.
/// @return the exit code  @throws UsageError, OutputError, Error
[[nodiscard]] int run_tokenize(CommandContext& context);

}  // namespace modelpool::cli
