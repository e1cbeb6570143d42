// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/options.hpp"

namespace modelpool::cli {

/// One input as it was read, before anything is made of it.
struct RawInput {
  std::size_t index = 0;  ///< from 0, in the order of the inputs
  std::string text = {};  ///< a line without its LF, or an argument; any bytes
  bool too_long = false;  ///< longer than LineReader::kMostBytes; `text` is empty
};

/// Lines of a file descriptor. A line ends at LF only; a last line without one counts.
///
/// Thread safety: none.
class LineReader {
 public:
  static constexpr std::size_t kMostBytes = std::size_t{1} << 28;  ///< of one line

  /// @param fd       read to its end, not closed
  /// @param name     for errors
  /// @param wake_fd  becomes readable when waiting should end; -1: none
  LineReader(int fd, std::string name, int wake_fd);

  /// Waits for a line. @return false at the end, or when wake_fd became readable
  /// @throws UsageError  if reading fails
  bool next(RawInput& line);
  /// Whether next() would return without waiting.
  [[nodiscard]] bool ready();
  /// Bytes consumed by the lines returned so far.
  [[nodiscard]] std::uint64_t consumed() const noexcept { return consumed_; }

 private:
  bool wait_readable(bool forever);
  void fill();
  bool take_buffered(RawInput& line);
  void take_rest(RawInput& line);

  int fd_;
  std::string name_;
  int wake_fd_;
  std::string buffer_;
  std::size_t begin_ = 0;    // of the next line in buffer_
  std::size_t scanned_ = 0;  // no LF in [begin_, scanned_)
  bool at_end_ = false;
  bool overflow_ = false;  // the current line is too long: its bytes are dropped up to its LF
  std::uint64_t consumed_ = 0;
};

/// The inputs of a command: those of the command line, or of --input.
///
/// Thread safety: none.
class InputSource {
 public:
  /// @throws UsageError  if the file cannot be opened, or is a directory
  InputSource(const CommonOptions& options, int wake_fd);
  ~InputSource();
  InputSource(const InputSource&) = delete;
  InputSource& operator=(const InputSource&) = delete;

  /// The next inputs: waits for the first one, then takes what is there without waiting, up to a limit. Empty at the end.
  /// @param most_rows, most_bytes  limits of what is returned; at least one row is
  [[nodiscard]] std::vector<RawInput> next_window(std::size_t most_rows, std::size_t most_bytes);

  /// How much of a file was returned, 0 to 1; nullopt for pipes and arguments.
  [[nodiscard]] std::optional<double> fraction() const noexcept;
  /// Number of inputs, when known from the start.
  [[nodiscard]] std::optional<std::size_t> total_rows() const noexcept;

 private:
  void open(const std::string& name, int wake_fd);
  bool next(RawInput& input);
  bool ready();

  const std::vector<std::string>& arguments_;
  std::size_t next_index_ = 0;
  int fd_ = -1;
  bool owns_fd_ = false;
  std::optional<LineReader> reader_;
  std::optional<std::uint64_t> total_bytes_;
};

}  // namespace modelpool::cli
