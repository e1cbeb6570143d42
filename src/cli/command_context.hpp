// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "cli/interrupt.hpp"
#include "cli/options.hpp"
#include "cli/output.hpp"

namespace modelpool::cli {

enum ExitCode : int { kDone = 0, kSomeFailed = 1, kCannotRun = 2, kInterrupted = 130 };

/// What every command works with. Lives as long as the command.
struct CommandContext {
  const Options& options;
  Output& out;
  Log& log;
  Interrupt& interrupt;

  /// What a command returns when all inputs were gone through, or the user interrupted it.
  [[nodiscard]] int exit_code(std::size_t failures) const {
    if (interrupt.triggered()) return kInterrupted;
    return failures > 0 ? kSomeFailed : kDone;
  }
};

}  // namespace modelpool::cli
