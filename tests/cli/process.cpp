// SPDX-License-Identifier: Apache-2.0
#include "process.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include "support/temporary_folder.hpp"

extern char** environ;

namespace modelpool::test {
namespace {

using namespace std::chrono_literals;

/// A file without a name, gone when its descriptor is closed.
int temporary_file() {
  std::string name = (std::filesystem::temp_directory_path() / "modelpool-process-XXXXXX").string();
  const int fd = ::mkostemp(name.data(), O_CLOEXEC);
  if (fd < 0) throw std::runtime_error("cannot make " + name);
  ::unlink(name.c_str());
  return fd;
}

std::string read_all(int fd) {
  std::string text;
  std::array<char, 65536> chunk{};
  for (ssize_t n = 0; (n = ::pread(fd, chunk.data(), chunk.size(), static_cast<off_t>(text.size()))) > 0;)
    text.append(chunk.data(), static_cast<std::size_t>(n));
  return text;
}

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto n = ::write(fd, text.data(), text.size());
    if (n < 0) throw std::runtime_error("cannot write to the process");
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

std::array<int, 2> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("cannot make a pipe");
  return ends;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> all;
  for (auto& word : words) all.push_back(word.data());
  all.push_back(nullptr);
  return all;
}

std::vector<std::string> environment_with(const std::map<std::string, std::string>& variables) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry; ++entry) {
    const std::string variable{*entry};
    if (!variables.contains(variable.substr(0, variable.find('=')))) all.push_back(variable);
  }
  for (const auto& [name, value] : variables) all.push_back(name + "=" + value);
  return all;
}

/// So that no test touches the user's own cache.
std::string cache_folder() {
  static const TemporaryFolder folder;
  return folder.path().string();
}

void set_signals(posix_spawnattr_t* attributes) {
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGINT);
  sigaddset(&defaults, SIGPIPE);
  ::posix_spawnattr_setsigdefault(attributes, &defaults);
  sigset_t none;
  sigemptyset(&none);
  ::posix_spawnattr_setsigmask(attributes, &none);
  ::posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
}

}  // namespace

Process::Process(const std::vector<std::string>& arguments, const ProcessOptions& options)
    : out_(temporary_file()), err_(temporary_file()) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  std::array<int, 2> input{temporary_file(), -1};
  if (options.input_stays_open) {
    ::close(input[0]);
    input = make_pipe();
    input_ = input[1];
    write_all(input_, options.input);
  } else {
    write_all(input[0], options.input);
    ::lseek(input[0], 0, SEEK_SET);
  }
  ::posix_spawn_file_actions_adddup2(&actions, input[0], STDIN_FILENO);
  std::array<int, 2> unread{-1, -1};
  if (options.output_unread) {
    unread = make_pipe();
    ::close(unread[0]);
    ::posix_spawn_file_actions_adddup2(&actions, unread[1], STDOUT_FILENO);
  } else if (options.output_closed) {
    ::posix_spawn_file_actions_addclose(&actions, STDOUT_FILENO);
  } else if (!options.output_file.empty()) {
    ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, options.output_file.c_str(), O_WRONLY, 0);
  } else {
    ::posix_spawn_file_actions_adddup2(&actions, out_, STDOUT_FILENO);
  }
  ::posix_spawn_file_actions_adddup2(&actions, err_, STDERR_FILENO);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  set_signals(&attributes);
  std::vector<std::string> words{MODELPOOL_CLI_PROGRAM};
  if (options.ignore_sigint) words = {"/bin/sh", "-c", "trap '' INT; exec \"$@\"", "sh", MODELPOOL_CLI_PROGRAM};
  words.insert(words.end(), arguments.begin(), arguments.end());
  auto given = options.variables;
  given.try_emplace("XDG_CACHE_HOME", cache_folder());
  auto variables = environment_with(given);
  const int error = ::posix_spawn(&pid_, words.front().c_str(), &actions, &attributes, pointers(words).data(),
                                  pointers(variables).data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  ::close(input[0]);
  if (unread[1] >= 0) ::close(unread[1]);
  if (error != 0) throw std::runtime_error("cannot start " + words.front());
}

Process::~Process() {
  close_input();
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::close(out_);
  ::close(err_);
}

void Process::write(std::string_view text) const { write_all(input_, text); }

void Process::close_input() {
  if (input_ >= 0) ::close(input_);
  input_ = -1;
}

void Process::interrupt() const { ::kill(pid_, SIGINT); }

std::string Process::output_so_far() const { return read_all(out_); }

bool Process::wait_for_lines(std::size_t count) const {
  const auto end = std::chrono::steady_clock::now() + 20s;
  while (std::chrono::steady_clock::now() < end) {
    const auto text = output_so_far();
    if (static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) >= count) return true;
    std::this_thread::sleep_for(5ms);
  }
  return false;
}

ProcessResult Process::wait() {
  const auto end = std::chrono::steady_clock::now() + 60s;
  int status = 0;
  rusage usage{};
  while (::wait4(pid_, &status, WNOHANG, &usage) == 0) {
    if (std::chrono::steady_clock::now() > end) ::kill(pid_, SIGKILL);
    std::this_thread::sleep_for(1ms);
  }
  pid_ = -1;
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return {.code = code, .out = read_all(out_), .err = read_all(err_), .peak_kib = usage.ru_maxrss};
}

ProcessResult run(const std::vector<std::string>& arguments, const ProcessOptions& options) {
  return Process(arguments, options).wait();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

std::string data(std::string_view name) { return std::string{MODELPOOL_TEST_DATA} + "/cli/" + std::string{name}; }

}  // namespace modelpool::test
