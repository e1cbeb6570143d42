// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/command_context.hpp"

namespace modelpool::cli {

/// `modelpool classify`.
/// @return the exit code  @throws UsageError, OutputError, Error
[[nodiscard]] int run_classify(CommandContext& context);

}  // namespace modelpool::cli
