// SPDX-License-Identifier: Apache-2.0
#include "support/expected_output.hpp"

#include "support/catch.hpp"

using modelpool_test::matches_part;
using modelpool_test::mismatch;

TEST_CASE("equal text matches, and runs of spaces count as one", "[expected_output]") {
  CHECK_FALSE(mismatch("a b\nc\n", "a b\nc\n"));
  CHECK_FALSE(mismatch("a   b\n", "  a b  \n"));
  CHECK(mismatch("a b\n", "ab\n"));
}

TEST_CASE("a difference is told with its line, what is there and what was expected", "[expected_output]") {
  CHECK(mismatch("a\nb\n", "a\nc\n") == "line 2 is \"c\", expected \"b\"");
  CHECK(mismatch("a\nb\n", "a\n") == "line 2 is the end, expected \"b\"");
  CHECK(mismatch("a\n", "a\nmore\n") == "line 2 is \"more\", expected the end");
}

TEST_CASE("{number} stands for one number and for nothing else", "[expected_output]") {
  for (const char* number : {"0", "-3", "+2.5", "8.01", "1e-7", "1200000"}) {
    CAPTURE(number);
    CHECK_FALSE(mismatch("took {number} s\n", std::string("took ") + number + " s\n"));
  }
  for (const char* other : {"", "x", "1.2.3", "1 2", "nan"}) {
    CAPTURE(other);
    CHECK(mismatch("took {number} s\n", std::string("took ") + other + " s\n"));
  }
}

TEST_CASE("{word} stops at a space and {text} does not", "[expected_output]") {
  CHECK_FALSE(mismatch("at {word} in {text}", "at a.md:3 in a long line"));
  CHECK(mismatch("at {word}", "at a b"));
}

TEST_CASE("characters that mean something in an expression mean themselves in a pattern", "[expected_output]") {
  CHECK_FALSE(mismatch("f(x) = [a|b]* + {c}?\\ ^$.", "f(x) = [a|b]* + {c}?\\ ^$."));
  CHECK(mismatch("a.c", "abc"));
}

TEST_CASE("{lines} stands for any number of lines", "[expected_output]") {
  CHECK_FALSE(mismatch("a\n{lines}\nz\n", "a\nz\n"));
  CHECK_FALSE(mismatch("a\n{lines}\nz\n", "a\nb\nz\nc\nz\n"));
  CHECK(mismatch("a\n{lines}\nz\n", "a\nb\n"));
}

TEST_CASE("a part matches a run of successive lines of the pattern", "[expected_output]") {
  CHECK(matches_part("a\nb {number}\nc\n", "b 7\nc\n"));
  CHECK_FALSE(matches_part("a\nb {number}\nc\n", "a\nc\n"));
  CHECK_FALSE(matches_part("a\n", ""));
}
