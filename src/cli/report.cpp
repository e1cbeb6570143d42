// SPDX-License-Identifier: Apache-2.0
#include "cli/report.hpp"

#include <new>

#include "cli/command_context.hpp"
#include "cli/output.hpp"

namespace modelpool::cli {
namespace {

// Errors of LibTorch carry a stack trace behind their first line.
std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

std::string root_message(const std::exception& error) {
  try {
    std::rethrow_if_nested(error);
  } catch (const std::exception& cause) {
    return root_message(cause);
  } catch (...) {
    return first_line(error.what());
  }
  return first_line(error.what());
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
