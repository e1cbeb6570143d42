// SPDX-License-Identifier: Apache-2.0
#include "cli/output.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "cli/json.hpp"

namespace modelpool::cli {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 16;

/// @return 0, or the error
int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto n = ::write(fd, text.data(), text.size());
    if (n >= 0) {
      text.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {  // a pipe that its other end made non-blocking
      pollfd wait{fd, POLLOUT, 0};
      ::poll(&wait, 1, -1);
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

std::string one_line(std::string_view message) {
  std::string line{message};
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return line;
}

}  // namespace

OutputError::OutputError(int error)
    : std::runtime_error(fmt::format("cannot write results to standard output: {}", std::strerror(error))) {}

void Output::write(std::string_view text) {
  buffer_ += text;
  if (buffer_.size() >= kBufferBytes) flush();
}

void Output::flush() {
  const int error = write_all(fd_, buffer_);
  buffer_.clear();
  if (error != 0) throw OutputError(error);
}

void Output::close() {
  flush();
  if (::close(fd_) != 0 && errno != EINTR) throw OutputError(errno);
}

void Log::write(LogLevel level, std::string_view message) {
  if (enabled(level)) write_all(fd_, fmt::format("modelpool: {}\n", one_line(message)));
}

void print_error(std::string_view message) { Log(STDERR_FILENO, LogLevel::debug).write(LogLevel::error, message); }

Rendered render_failure(bool json, std::size_t index, std::string_view code, std::string_view message) {
  if (json) return {.out = json_error_line(index, code, message), .complaint = {}, .failed = true};
  return {.out = {}, .complaint = fmt::format("input {}: {} ({})", index, message, code), .failed = true};
}

void OrderedResults::set(std::size_t slot, Rendered result) {
  const std::lock_guard lock(mutex_);
  ++done_;
  failures_ += result.failed ? 1 : 0;
  slots_[slot] = std::move(result);
  if (slot != next_) return;
  for (; next_ < slots_.size() && slots_[next_]; ++next_) print_locked(*slots_[next_]);
  out_.flush();
}

void OrderedResults::finish() {
  const std::lock_guard lock(mutex_);
  for (; next_ < slots_.size(); ++next_)
    if (slots_[next_]) print_locked(*slots_[next_]);
  out_.flush();
}

void OrderedResults::print_locked(Rendered& result) {
  out_.write(result.out);
  if (!result.complaint.empty()) log_.write(LogLevel::error, result.complaint);
  result = {};  // gives its memory back before the window ends
}

}  // namespace modelpool::cli
