// SPDX-License-Identifier: Apache-2.0
// run_example EXPECTED PROGRAM [ARGUMENT...]: runs the program and compares what it writes to stdout with the patterns
// in the file EXPECTED. Exits with 0 when the program did too and all of its output matches.
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

#include "support/expected_output.hpp"

namespace {

struct Outcome {
  std::string output;
  int status = 0;  // as of waitpid
};

Outcome run(char** command) {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) return {"", -1};
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    execv(command[0], command);
    _exit(127);
  }
  close(ends[1]);
  Outcome outcome;
  std::array<char, 4096> buffer{};
  for (ssize_t n = 0; (n = read(ends[0], buffer.data(), buffer.size())) > 0;)
    outcome.output.append(buffer.data(), static_cast<std::size_t>(n));
  close(ends[0]);
  if (child < 0 || waitpid(child, &outcome.status, 0) < 0) outcome.status = -1;
  return outcome;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: run_example EXPECTED PROGRAM [ARGUMENT...]\n";
    return 2;
  }
  std::ifstream file(argv[1], std::ios::binary);
  std::stringstream expected;
  expected << file.rdbuf();
  if (!file) {
    std::cerr << argv[1] << " cannot be read\n";
    return 2;
  }
  const Outcome outcome = run(argv + 2);
  std::cout << outcome.output;
  if (!WIFEXITED(outcome.status) || WEXITSTATUS(outcome.status) != 0) {
    std::cerr << argv[2] << " ended with status " << outcome.status << " (as waitpid tells it)\n";
    return 1;
  }
  if (const auto problem = modelpool_test::mismatch(expected.str(), outcome.output)) {
    std::cerr << argv[1] << ": " << *problem << '\n';
    return 1;
  }
  return 0;
}
