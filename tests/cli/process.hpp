// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace modelpool::test {

/// How the program is started. What is not given: no input, and output that the test reads.
struct ProcessOptions {
  std::string input = {};         ///< on standard input
  bool input_stays_open = false;  ///< a pipe that the test writes to, after `input`
  std::string output_file = {};   ///< standard output goes there, for example /dev/full
  bool output_closed = false;     ///< standard output is not open at all
  bool output_unread = false;     ///< a pipe that nobody reads from
  bool ignore_sigint = false;     ///< as shells start background jobs
  /// Beside those of this process; without XDG_CACHE_HOME among them it is a temporary folder of the test program.
  std::map<std::string, std::string> variables = {};
};

struct ProcessResult {
  int code = -1;  ///< exit code; 128 + signal where a signal ended it
  std::string out = {};
  std::string err = {};
  long peak_kib = 0;  ///< largest resident set
};

/// One run of the command line program.
///
/// Thread safety: none.
class Process {
 public:
  explicit Process(const std::vector<std::string>& arguments, const ProcessOptions& options = {});
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void write(std::string_view text) const;
  void close_input();
  void interrupt() const;
  /// Waits until standard output holds `count` lines. @return false after 20 s
  [[nodiscard]] bool wait_for_lines(std::size_t count) const;
  [[nodiscard]] std::string output_so_far() const;
  /// Waits for the end; after a minute the process is killed, and the code is 128 + 9.
  [[nodiscard]] ProcessResult wait();

 private:
  pid_t pid_ = -1;
  int input_ = -1;  // write end; -1: none
  int out_ = -1;    // a file
  int err_ = -1;    // a file
};

/// Starts the program and waits for its end.
[[nodiscard]] ProcessResult run(const std::vector<std::string>& arguments, const ProcessOptions& options = {});

/// The lines of a text, without their LF.
[[nodiscard]] std::vector<std::string> lines_of(const std::string& text);

/// A file or folder of tests/data/cli.
[[nodiscard]] std::string data(std::string_view name);

}  // namespace modelpool::test
