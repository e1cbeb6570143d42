// SPDX-License-Identifier: Apache-2.0
#include "cli/output.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>

#include "cli/json.hpp"
#include "support/catch.hpp"

using namespace modelpool::cli;
using namespace std::string_literals;

namespace {

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

std::string json_float(float value) {
  std::string out;
  append_json_float(out, value);
  return out;
}

/// A temporary file that is read back.
class File {
 public:
  File() : file_(std::tmpfile()) { REQUIRE(file_ != nullptr); }
  ~File() { std::fclose(file_); }
  int fd() const { return ::fileno(file_); }
  std::string text() const {
    std::string all(4096, '\0');
    const auto n = ::pread(fd(), all.data(), all.size(), 0);
    all.resize(static_cast<std::size_t>(n));
    return all;
  }

 private:
  std::FILE* file_;
};

}  // namespace

TEST_CASE("any text becomes a JSON string that reads back as itself", "[cli][json]") {
  const auto text = GENERATE(""s, "plain"s, "quote \" backslash \\ slash /"s, "line\nfeed\ttab\rreturn"s,
                             "nul\0inside"s, "\x01\x1f\x7f"s, "caf\u00e9 \u4e2d\u6587 \U0001f600 \u2028"s);
  CHECK(nlohmann::json::parse(json_string(text)).get<std::string>() == text);
  CHECK(json_string(text).find('\n') == std::string::npos);
}

TEST_CASE("bytes that are not UTF-8 become U+FFFD in JSON", "[cli][json]") {
  CHECK(json_string("a\xff\xfe z") == "\"a\uFFFD\uFFFD z\"");
  CHECK(json_string("\xed\xa0\x80") == "\"\uFFFD\uFFFD\uFFFD\"");
}

TEST_CASE("the first byte that is not UTF-8 is found", "[cli][json]") {
  CHECK_FALSE(invalid_utf8_at("caf\u00e9 \u4e2d \U0001f600 \U0010ffff \ud7ff \ue000"));
  CHECK(invalid_utf8_at("ab\xff") == 2);
  CHECK(invalid_utf8_at("\xc0\x80") == 0);          // overlong
  CHECK(invalid_utf8_at("a\xe0\x9f\xbf") == 1);     // overlong
  CHECK(invalid_utf8_at("\xf0\x8f\xbf\xbf") == 0);  // overlong
  CHECK(invalid_utf8_at("abc\xed\xa0\x80") == 3);   // a surrogate
  CHECK(invalid_utf8_at("\xf4\x90\x80\x80") == 0);  // beyond U+10FFFF
  CHECK(invalid_utf8_at("ok\xe4\xb8") == 2);        // cut off
  CHECK(invalid_utf8_at("\x80") == 0);
}

TEST_CASE("a float is printed so that it reads back as the same float", "[cli][json]") {
  CHECK(json_float(0.1F) == "0.1");
  CHECK(json_float(1.0F) == "1.0");
  CHECK(json_float(-0.0F) == "-0.0");
  CHECK(json_float(1e-5F) == "1e-05");
  CHECK(json_float(std::numeric_limits<float>::infinity()) == "null");
  CHECK(json_float(std::numeric_limits<float>::quiet_NaN()) == "null");
  std::mt19937 random(7);
  for (int i = 0; i < 100'000; ++i) {
    const auto bits = static_cast<std::uint32_t>(random());
    float value = 0;
    std::memcpy(&value, &bits, sizeof value);
    if (!std::isfinite(value)) continue;
    const auto text = json_float(value);
    float back = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), back);
    const bool same =
        read.ec == std::errc{} && read.ptr == text.data() + text.size() && std::memcmp(&back, &value, sizeof back) == 0;
    if (!same || text.size() > 17) FAIL(text);
  }
}

TEST_CASE("an error line has the contract's fields", "[cli][json]") {
  CHECK(json_error_line(3, "invalid_input", "bad \"x\"") ==
        "{\"index\":3,\"error\":{\"code\":\"invalid_input\",\"message\":\"bad \\\"x\\\"\"}}\n");
}

TEST_CASE("results that finish in any order are printed in input order, as soon as they can be", "[cli][output]") {
  File file;
  Output out(file.fd());
  Log log(-1, LogLevel::off);
  OrderedResults results(4, out, log);
  results.set(1, {.out = "1\n"});
  CHECK(file.text().empty());
  results.set(0, {.out = "0\n"});
  CHECK(file.text() == "0\n1\n");
  results.set(3, {.out = "3\n", .failed = true});
  results.set(2, {.out = "2\n"});
  CHECK(file.text() == "0\n1\n2\n3\n");
  CHECK(results.failures() == 1);
  CHECK(results.done() == 4);
}

TEST_CASE("what is finished behind a gap is printed at the end", "[cli][output]") {
  File file;
  Output out(file.fd());
  Log log(-1, LogLevel::off);
  OrderedResults results(4, out, log);
  results.set(0, {.out = "0\n"});
  results.set(2, {.out = "2\n"});
  results.finish();
  CHECK(file.text() == "0\n2\n");
}

TEST_CASE("a result that cannot be written is an error", "[cli][output]") {
  const int full = ::open("/dev/full", O_WRONLY);
  if (full < 0) SKIP("there is no /dev/full");
  Output out(full);
  out.write("something");
  CHECK_THROWS_WITH(out.flush(), "cannot write results to standard output: No space left on device");
  ::close(full);
}

TEST_CASE("a failure goes to standard output as JSON, and to people on standard error", "[cli][output]") {
  const auto json = render_failure(true, 2, "invalid_input", "why");
  CHECK(json.out == json_error_line(2, "invalid_input", "why"));
  CHECK(json.complaint.empty());
  const auto people = render_failure(false, 2, "invalid_input", "why");
  CHECK(people.out.empty());
  CHECK(people.complaint == "input 2: why (invalid_input)");
}

TEST_CASE("a log line stays one line, and levels below the chosen one are silent", "[cli][output]") {
  File file;
  Log log(file.fd(), LogLevel::warn);
  log.write(LogLevel::info, "not this");
  log.write(LogLevel::error, "two\nlines");
  CHECK(file.text() == "modelpool: two lines\n");
}
