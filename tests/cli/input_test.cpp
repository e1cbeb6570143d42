// SPDX-License-Identifier: Apache-2.0
#include "cli/input.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <string>
#include <thread>
#include <vector>

#include "cli/arguments.hpp"
#include "support/catch.hpp"

using namespace modelpool::cli;

namespace {

class Pipe {
 public:
  Pipe() { REQUIRE(::pipe(ends_.data()) == 0); }
  ~Pipe() {
    ::close(ends_[0]);
    close_writer();
  }
  void write(std::string_view text) const {
    REQUIRE(::write(ends_[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  void close_writer() {
    if (ends_[1] >= 0) ::close(ends_[1]);
    ends_[1] = -1;
  }
  int reader() const { return ends_[0]; }
  int writer() const { return ends_[1]; }

 private:
  std::array<int, 2> ends_{};
};

std::vector<std::string> lines_of(std::string_view text) {
  Pipe pipe;
  pipe.write(text);
  pipe.close_writer();
  LineReader reader(pipe.reader(), "test", -1);
  std::vector<std::string> lines;
  for (RawInput line; reader.next(line);) lines.push_back(line.text);
  CHECK(reader.consumed() == text.size());
  return lines;
}

}  // namespace

TEST_CASE("a line ends at LF only, and the last one may do without", "[cli][input]") {
  using Lines = std::vector<std::string>;
  using namespace std::string_literals;
  CHECK(lines_of("") == Lines{});
  CHECK(lines_of("\n") == Lines{""});
  CHECK(lines_of("a\nb\n") == Lines{"a", "b"});
  CHECK(lines_of("a\nb") == Lines{"a", "b"});
  CHECK(lines_of("a\n\nb\n\n") == Lines{"a", "", "b", ""});
  CHECK(lines_of("a\r\nb\rc\n") == Lines{"a\r", "b\rc"});
  CHECK(lines_of("a\0b\n\xff\n"s) == Lines{"a\0b"s, "\xff"});
  CHECK(lines_of("a\u2028b\x0b\x0c\n") == Lines{"a\u2028b\x0b\x0c"});
}

TEST_CASE("long lines arrive whole", "[cli][input]") {
  Pipe pipe;
  std::thread writer([&] {
    const std::string chunk(100'000, 'x');
    for (int i = 0; i < 30; ++i) (void)!::write(pipe.writer(), chunk.data(), chunk.size());
    (void)!::write(pipe.writer(), "\nend", 4);
    pipe.close_writer();
  });
  LineReader reader(pipe.reader(), "test", -1);
  RawInput line;
  const bool first = reader.next(line);
  const auto size = line.text.size();
  const bool second = reader.next(line);
  writer.join();
  CHECK(first);
  CHECK(size == 3'000'000);
  CHECK(second);
  CHECK(line.text == "end");
  CHECK_FALSE(reader.next(line));
}

TEST_CASE("a window takes what is there and does not wait for more", "[cli][input]") {
  Pipe pipe;
  REQUIRE(::dup2(pipe.reader(), STDIN_FILENO) >= 0);
  CommonOptions options;
  options.input = "-";
  InputSource source(options, -1);
  pipe.write("one\ntwo\nthr");
  auto window = source.next_window(100, 1'000'000);
  REQUIRE(window.size() == 2);
  CHECK(window[1].text == "two");
  pipe.write("ee\nfour\nfive\n");
  window = source.next_window(2, 1'000'000);
  REQUIRE(window.size() == 2);
  CHECK(window[0].index == 2);
  CHECK(window[0].text == "three");
  pipe.close_writer();
  CHECK(source.next_window(100, 1).size() == 1);
  CHECK(source.next_window(100, 1).empty());
}

TEST_CASE("waiting for a line ends when the wake descriptor becomes readable", "[cli][input]") {
  Pipe pipe;
  const int wake = ::eventfd(0, 0);
  LineReader reader(pipe.reader(), "test", wake);
  std::thread waker([&] {
    const std::uint64_t one = 1;
    (void)!::write(wake, &one, sizeof one);
  });
  RawInput line;
  CHECK_FALSE(reader.next(line));
  waker.join();
  ::close(wake);
}

TEST_CASE("what cannot be read is refused by name and reason", "[cli][input]") {
  CommonOptions options;
  options.input = "/nonexistent/file";
  CHECK_THROWS_WITH(InputSource(options, -1), "cannot read --input /nonexistent/file: No such file or directory");
  options.input = "/tmp";
  CHECK_THROWS_WITH(InputSource(options, -1),
                    "cannot read --input /tmp: it is a directory; give a file with one input per line");
}
