// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <vector>

#include "cli/command_context.hpp"
#include "cli/commands/tokenize.hpp"
#include "cli/models_module.hpp"
#include "cli/report.hpp"

namespace modelpool::cli {
namespace {

// A file opened while a standard descriptor is closed would get its number: results would then be written into it.
// What takes the place fails every write (1, 2) or is empty (0).
void occupy_standard_descriptors() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(fd, F_GETFD) < 0) (void)::open("/dev/null", O_RDONLY);
}

int dispatch(CommandContext& context) {
  if (context.options.command == Command::tokenize) return run_tokenize(context);
  return run_in_models_module(context);
}

int run(const std::vector<std::string>& arguments) {
  const auto request = parse_command_line(arguments);
  Output out(STDOUT_FILENO);
  int code = kDone;
  if (request.print) {
    out.write(*request.print);
  } else {
    Interrupt interrupt;
    Log log(STDERR_FILENO, request.options.common.log_level);
    CommandContext context{request.options, out, log, interrupt};
    code = dispatch(context);
  }
  out.close();
  return code;
}

}  // namespace
}  // namespace modelpool::cli

int main(int argc, char** argv) {
  using namespace modelpool::cli;
  occupy_standard_descriptors();
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is then an error of write(), told and counted like a full disk
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const int code = report_errors([&] { return run(arguments); });
  ::_exit(code);  // everything is written and closed; taking LibTorch down would only cost time
}
