// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/bench.hpp"
#include "cli/commands/classify.hpp"
#include "cli/commands/embed.hpp"
#include "cli/commands/info.hpp"
#include "cli/commands/search.hpp"
#include "cli/models_module.hpp"
#include "cli/report.hpp"
#include "modelpool/error.hpp"

namespace modelpool::cli {
namespace {

int run_command(CommandContext& context) {
  switch (context.options.command) {
    case Command::embed:
      return run_embed(context);
    case Command::classify:
      return run_classify(context);
    case Command::search:
      return run_search(context);
    case Command::info:
      return run_info(context);
    case Command::bench:
      return run_bench(context);
    case Command::tokenize:
      break;  // runs in the program itself
  }
  return kCannotRun;
}

}  // namespace
}  // namespace modelpool::cli

int modelpool_cli_run_command(modelpool::cli::CommandContext* context) noexcept {
  return modelpool::cli::report_errors([&] {
    try {
      return modelpool::cli::run_command(*context);
    } catch (const modelpool::Cancelled&) {
      if (!context->interrupt.triggered()) throw;
      return int{modelpool::cli::kInterrupted};
    }
  });
}
