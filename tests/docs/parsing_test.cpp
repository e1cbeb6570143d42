// SPDX-License-Identifier: Apache-2.0
// The reader of pages that the other tests of the documentation rest on.
#include "repository.hpp"
#include "support/catch.hpp"

using namespace modelpool_test;

TEST_CASE("a code block knows its language, its text and the comment before it", "[docs]") {
  const auto page = parse_page("# One\n<!-- from: a.cpp#b -->\n```cpp\nint i;\n```\n\n```console\n$ ls\n```\n");
  REQUIRE(page.blocks.size() == 2);
  CHECK(page.blocks[0].language == "cpp");
  CHECK(page.blocks[0].text == "int i;\n");
  CHECK(page.blocks[0].marker == "from: a.cpp#b");
  CHECK(page.blocks[0].line == 3);
  CHECK(page.blocks[1].marker.empty());
}

TEST_CASE("headings become anchors as GitHub makes them", "[docs]") {
  const auto page = parse_page("## `acquire_timeout`\n## What it costs, in memory\n## What it costs, in memory\n");
  CHECK(page.anchors ==
        std::set<std::string>{"acquire_timeout", "what-it-costs-in-memory", "what-it-costs-in-memory-1"});
}

TEST_CASE("links are found outside code only", "[docs]") {
  const auto page = parse_page("see [a](b.md#c) and `[x](y)`\n```cpp\n[](z)\n```\n");
  REQUIRE(page.links.size() == 1);
  CHECK(page.links[0].target == "b.md#c");
}

TEST_CASE("a region is what stands between its markers, without shared indentation and inner markers", "[docs]") {
  const std::string text =
      "x\n  // region: outer\n  a\n    // region: inner\n    b\n    // endregion: inner\n  // endregion: outer\n";
  CHECK(region(text, "outer") == "a\n  b\n");
  CHECK(region(text, "inner") == "b\n");
  CHECK(region(text, "none").empty());
}
