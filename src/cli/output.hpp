// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "cli/options.hpp"

namespace modelpool::cli {

/// Standard output could not take a result (full disk, closed pipe). The process ends with 2.
class OutputError : public std::runtime_error {
 public:
  explicit OutputError(int error);
};

/// Results, to a file descriptor. Nothing counts as printed before flush() or close() returned.
///
/// Thread safety: none.
class Output {
 public:
  explicit Output(int fd) noexcept : fd_(fd) {}
  /// @throws OutputError
  void write(std::string_view text);
  void flush();
  /// Flushes, and asks the file system for errors that it kept for the end.
  void close();

 private:
  int fd_;
  std::string buffer_;
};

/// What goes to standard error: messages that begin with "modelpool: ".
///
/// Thread safety: any number of threads.
class Log {
 public:
  Log(int fd, LogLevel level) noexcept : fd_(fd), level_(level) {}
  void write(LogLevel level, std::string_view message);
  [[nodiscard]] bool enabled(LogLevel level) const noexcept { return level >= level_ && level_ != LogLevel::off; }

 private:
  int fd_;
  LogLevel level_;
};

/// One line "modelpool: message" to standard error, whatever the level: errors that end the process.
void print_error(std::string_view message);

/// What one input came to.
struct Rendered {
  std::string out = {};        ///< for standard output
  std::string complaint = {};  ///< for standard error: why the input failed, when not told on `out`
  bool failed = false;
};

/// The failure of one input, as --json or people want it.
[[nodiscard]] Rendered render_failure(bool json, std::size_t index, std::string_view code, std::string_view message);

/// Puts the results of one window of inputs, which are finished in any order, in the order of the inputs. What can be
/// printed is printed at once.
///
/// Thread safety: set() may be called from any thread.
class OrderedResults {
 public:
  OrderedResults(std::size_t size, Output& out, Log& log) : slots_(size), out_(out), log_(log) {}
  /// @pre slot < size, not set before  @throws OutputError
  void set(std::size_t slot, Rendered result);
  /// Prints what is finished behind gaps: inputs that an interruption left undone.
  void finish();
  [[nodiscard]] std::size_t failures() const noexcept { return failures_; }
  [[nodiscard]] std::size_t done() const noexcept { return done_; }

 private:
  void print_locked(Rendered& result);

  std::mutex mutex_;  // protects everything below; held while printing, so that the order holds
  std::vector<std::optional<Rendered>> slots_;
  std::size_t next_ = 0;  // slots before it are printed
  std::size_t failures_ = 0;
  std::size_t done_ = 0;
  Output& out_;
  Log& log_;
};

}  // namespace modelpool::cli
