// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>
#include <functional>
#include <string>

namespace modelpool::cli {

/// The innermost exception's message: what the user can act on, without the layers that passed it on.
[[nodiscard]] std::string root_message(const std::exception& error);

/// Runs a command; an exception becomes one line on standard error and the exit code kCannotRun.
[[nodiscard]] int report_errors(const std::function<int()>& command);

}  // namespace modelpool::cli
