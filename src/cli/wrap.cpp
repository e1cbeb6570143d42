// SPDX-License-Identifier: Apache-2.0
#include "cli/wrap.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace modelpool::cli {
namespace {

std::size_t columns_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

class Wrapper {
 public:
  Wrapper(std::size_t indent, std::size_t width, std::size_t most_lines)
      : indent_(indent), room_(width > indent + 20 ? width - indent : 20), most_lines_(most_lines) {}

  std::string wrap(std::string_view text) {
    for (std::size_t begin = 0; begin <= text.size() && !full();) {
      const auto end = std::min(text.find('\n', begin), text.size());
      wrap_line(text.substr(begin, end - begin));
      begin = end + 1;
    }
    if (full()) out_ += std::string(indent_, ' ') + "...\n";
    return std::move(out_);
  }

 private:
  bool full() const { return lines_ > most_lines_; }

  void wrap_line(std::string_view line) {
    const auto hang = std::min(std::min(line.find_first_not_of(' '), line.size()), room_ / 2);
    std::string current(line.substr(0, hang));
    for (std::size_t at = hang; at < line.size();) {
      const auto end = std::min(line.find(' ', at), line.size());
      const auto word = line.substr(at, end - at);
      if (current.size() > hang && columns_of(current) + 1 + columns_of(word) > room_) {
        put(current);
        current.assign(hang, ' ');
      }
      current += current.size() > hang ? " " : "";
      current += word;
      at = end + 1;
    }
    put(current);
  }

  void put(const std::string& line) {
    if (++lines_ > most_lines_) return;
    if (line.find_first_not_of(' ') != std::string::npos) out_ += std::string(indent_, ' ') + line;
    out_ += '\n';
  }

  std::size_t indent_;
  std::size_t room_;
  std::size_t most_lines_;
  std::size_t lines_ = 0;
  std::string out_;
};

}  // namespace

Paper paper_of(int fd) {
  Paper paper;
  if (::isatty(fd) == 0) return paper;
  const char* no_colour = std::getenv("NO_COLOR");
  paper.colours = !no_colour || *no_colour == '\0';
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) paper.width = std::min<std::size_t>(size.ws_col, 120);
  return paper;
}

std::string wrap(std::string_view text, std::size_t indent, std::size_t width, std::size_t most_lines) {
  return Wrapper(indent, width, most_lines).wrap(text);
}

}  // namespace modelpool::cli
