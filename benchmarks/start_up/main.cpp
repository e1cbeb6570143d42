// SPDX-License-Identifier: Apache-2.0
// How long does a process take from its start to its first result? See README.md.
#include <dlfcn.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Arguments = std::vector<std::string>;

/// From before the process is made, in seconds.
struct Times {
  double first_output = 0;
  double end = 0;
};

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

pid_t spawn(Arguments arguments, int out) {
  std::vector<char*> argv;
  for (auto& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  pid_t child = 0;
  const int error = posix_spawn(&child, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error{fmt::format("cannot run {}: {}", argv[0], std::strerror(error))};
  return child;
}

Times time_of(const Arguments& arguments) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error{"cannot make a pipe"};
  const auto start = Clock::now();
  const auto child = spawn(arguments, ends[1]);
  ::close(ends[1]);
  Times times;
  char block[4096];
  while (::read(ends[0], block, sizeof block) > 0)
    if (times.first_output == 0) times.first_output = seconds_since(start);
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  times.end = seconds_since(start);
  if (status != 0) throw std::runtime_error{fmt::format("{} failed", arguments[0])};
  return times;
}

/// What is compared, and what it took each time.
struct Row {
  std::string name;
  Arguments arguments;
  std::vector<double> first_output = {};
  std::vector<double> end = {};
};

std::string summary(std::vector<double> seconds) {
  std::ranges::sort(seconds);
  return fmt::format("{:.3f} ({:.3f} … {:.3f})", seconds[seconds.size() / 2], seconds.front(), seconds.back());
}

/// The part of the program that is LibTorch's: this process, if asked to, loads it and does nothing else.
int load_torch() {
  if (!::dlopen(MODELPOOL_TORCH_CPU, RTLD_LAZY | RTLD_LOCAL)) {
    fmt::print(stderr, "{}\n", ::dlerror());
    return 1;
  }
  (void)!::write(STDOUT_FILENO, "\n", 1);
  ::_exit(0);
}

int measure(const std::string& model, int repetitions) {
  std::vector<Row> rows{
      {"modelpool --version", {MODELPOOL_PROGRAM, "--version"}},
      {"load libtorch_cpu alone", {"/proc/self/exe", "--load-torch"}},
      {"modelpool tokenize", {MODELPOOL_PROGRAM, "tokenize", "--model", model, "A sentence of a few words."}},
      {"modelpool embed", {MODELPOOL_PROGRAM, "embed", "--model", model, "A sentence of a few words."}},
      {"modelpool embed, float32",
       {MODELPOOL_PROGRAM, "embed", "--model", model, "--dtype", "float32", "A sentence of a few words."}}};
  for (int i = -1; i < repetitions; ++i) {  // the first round fills the system's cache of files
    for (auto& row : rows) {
      const auto times = time_of(row.arguments);
      if (i < 0) continue;
      row.first_output.push_back(times.first_output);
      row.end.push_back(times.end);
    }
  }
  fmt::print("{} runs each, in turns; seconds, median (least … most)\n\n", repetitions);
  fmt::print("| process | to its first output | to its end |\n|---|---|---|\n");
  for (const auto& row : rows) fmt::print("| {} | {} | {} |\n", row.name, summary(row.first_output), summary(row.end));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view{argv[1]} == "--load-torch") return load_torch();
  const std::string model = argc > 1 ? argv[1] : MODELPOOL_MINILM_DIR;
  const int repetitions = argc > 2 ? std::atoi(argv[2]) : 15;
  if (model.empty() || repetitions < 1) {
    fmt::print(stderr, "usage: {} [MODEL_FOLDER [REPETITIONS]]\n", argv[0]);
    return 2;
  }
  try {
    return measure(model, repetitions);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
