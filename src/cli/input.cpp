// SPDX-License-Identifier: Apache-2.0
#include "cli/input.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "cli/arguments.hpp"

namespace modelpool::cli {
namespace {

constexpr std::size_t kChunkBytes = std::size_t{1} << 16;

[[noreturn]] void fail(const std::string& name, int error) {
  throw UsageError(fmt::format("cannot read {}: {}", name, std::strerror(error)));
}

}  // namespace

LineReader::LineReader(int fd, std::string name, int wake_fd) : fd_(fd), name_(std::move(name)), wake_fd_(wake_fd) {}

bool LineReader::next(RawInput& line) {
  while (!take_buffered(line)) {
    if (at_end_) {
      if (begin_ == buffer_.size() && !overflow_) return false;
      take_rest(line);
      return true;
    }
    if (!wait_readable(true)) return false;
    fill();
  }
  return true;
}

bool LineReader::ready() {
  for (;;) {
    if (at_end_ || buffer_.find('\n', scanned_) != std::string::npos) return true;
    scanned_ = buffer_.size();
    if (!wait_readable(false)) return false;
    fill();
  }
}

bool LineReader::wait_readable(bool forever) {
  std::array<pollfd, 2> fds{pollfd{fd_, POLLIN, 0}, pollfd{wake_fd_, POLLIN, 0}};
  for (;;) {
    const int n = ::poll(fds.data(), fds.size(), forever ? -1 : 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(name_, errno);
    return n > 0 && fds[1].revents == 0;  // a negative descriptor is ignored by poll
  }
}

void LineReader::fill() {
  if (begin_ > 0) {  // what was returned makes room
    buffer_.erase(0, begin_);
    scanned_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() > kMostBytes) {
    overflow_ = true;
    consumed_ += buffer_.size();
    buffer_.clear();
    scanned_ = 0;
  }
  const auto old_size = buffer_.size();
  const auto room = std::max(kChunkBytes, old_size);  // doubling: a long line is read in linear time
  buffer_.resize(old_size + room);
  ssize_t n = 0;
  do n = ::read(fd_, buffer_.data() + old_size, room);
  while (n < 0 && errno == EINTR);
  const int error = errno;
  buffer_.resize(old_size + static_cast<std::size_t>(n > 0 ? n : 0));
  if (n < 0) fail(name_, error);
  at_end_ = n == 0;
}

bool LineReader::take_buffered(RawInput& line) {
  const auto end = buffer_.find('\n', scanned_);
  if (end == std::string::npos) {
    scanned_ = buffer_.size();
    return false;
  }
  line.too_long = std::exchange(overflow_, false) || end - begin_ > kMostBytes;
  line.text = line.too_long ? std::string{} : buffer_.substr(begin_, end - begin_);
  consumed_ += end + 1 - begin_;
  begin_ = scanned_ = end + 1;
  return true;
}

void LineReader::take_rest(RawInput& line) {
  line.too_long = std::exchange(overflow_, false) || buffer_.size() - begin_ > kMostBytes;
  line.text = line.too_long ? std::string{} : buffer_.substr(begin_);
  consumed_ += buffer_.size() - begin_;
  begin_ = scanned_ = buffer_.size();
}

InputSource::InputSource(const CommonOptions& options, int wake_fd) : arguments_(options.inputs) {
  if (options.input) open(*options.input, wake_fd);
}

InputSource::~InputSource() {
  if (owns_fd_) ::close(fd_);
}

void InputSource::open(const std::string& name, int wake_fd) {
  owns_fd_ = name != "-";
  fd_ = owns_fd_ ? ::open(name.c_str(), O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
  const auto shown = owns_fd_ ? "--input " + name : std::string{"standard input"};
  if (fd_ < 0) fail(shown, errno);
  struct stat status {};
  if (::fstat(fd_, &status) != 0) fail(shown, errno);
  if (S_ISDIR(status.st_mode)) {
    if (owns_fd_) ::close(fd_);  // the destructor does not run when a constructor throws
    throw UsageError(fmt::format("cannot read {}: it is a directory; give a file with one input per line", shown));
  }
  if (S_ISREG(status.st_mode)) total_bytes_ = static_cast<std::uint64_t>(status.st_size);
  reader_.emplace(fd_, shown, wake_fd);
}

bool InputSource::next(RawInput& input) {
  if (reader_) {
    if (!reader_->next(input)) return false;
  } else {
    if (next_index_ == arguments_.size()) return false;
    input.text = arguments_[next_index_];
  }
  input.index = next_index_++;
  return true;
}

bool InputSource::ready() { return !reader_ || reader_->ready(); }

std::vector<RawInput> InputSource::next_window(std::size_t most_rows, std::size_t most_bytes) {
  std::vector<RawInput> window;
  std::size_t bytes = 0;
  RawInput input;
  while (window.size() < most_rows && bytes < most_bytes && (window.empty() || ready()) && next(input)) {
    bytes += input.text.size();
    window.push_back(std::move(input));
  }
  return window;
}

std::optional<double> InputSource::fraction() const noexcept {
  if (!reader_ || !total_bytes_ || *total_bytes_ == 0) return std::nullopt;
  return static_cast<double>(reader_->consumed()) / static_cast<double>(*total_bytes_);
}

std::optional<std::size_t> InputSource::total_rows() const noexcept {
  if (reader_) return std::nullopt;
  return arguments_.size();
}

}  // namespace modelpool::cli
