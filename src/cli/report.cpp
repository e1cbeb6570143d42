// SPDX-License-Identifier: Apache-2.0
#include "cli/report.hpp"

#include <new>

#include "cli/arguments.hpp"
#include "cli/command_context.hpp"
#include "cli/output.hpp"

namespace modelpool::cli {
namespace {

// Errors of LibTorch carry a stack trace behind their first line. What the user wrote may have lines of its own.
std::string text_of(const std::exception& error) {
  const std::string text = error.what();
  return dynamic_cast<const UsageError*>(&error) ? text : text.substr(0, text.find('\n'));
}

}  // namespace

std::string root_message(const std::exception& error) {
  try {
    std::rethrow_if_nested(error);
  } catch (const std::exception& cause) {
    return root_message(cause);
  } catch (...) {
    return text_of(error);
  }
  return text_of(error);
}

int report_errors(const std::function<int()>& command) {
  try {
    return command();
  } catch (const std::bad_alloc&) {
    print_error("out of memory: use a smaller model, --pool-size or --batch-size");
  } catch (const std::exception& e) {
    print_error(root_message(e));
  }
  return kCannotRun;
}

}  // namespace modelpool::cli
