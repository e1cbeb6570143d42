// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/command_context.hpp"

namespace modelpool::cli {

/// The commands that run models live in a module of their own, opened when one of them is asked for: loading LibTorch
/// takes longer than everything that `tokenize`, `--help` and an error in the options have to do.
///
/// Looked for beside the program (a build tree), then in the library folder that it was installed with.
/// @return the exit code  @throws UsageError  if the module cannot be opened, with the loader's reason
[[nodiscard]] int run_in_models_module(CommandContext& context);

}  // namespace modelpool::cli

/// What the module exports. Never throws.
extern "C" int modelpool_cli_run_command(modelpool::cli::CommandContext* context) noexcept;
