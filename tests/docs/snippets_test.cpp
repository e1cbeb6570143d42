// SPDX-License-Identifier: Apache-2.0
// Program text in the documentation is cut from files that are compiled, and output from patterns that a run matches.
#include <set>
#include <string>

#include "repository.hpp"
#include "support/catch.hpp"
#include "support/expected_output.hpp"

using namespace modelpool_test;

namespace {

const std::string kFrom = "from: ";      // <!-- from: examples/x.cpp#region -->
const std::string kOutput = "output: ";  // <!-- output: examples/x.expected -->

bool needs_a_source(const CodeBlock& block) { return block.language == "cpp" || block.language == "cmake"; }

template <class Check>
void for_each_block(Check check) {
  for (const auto& file : pages())
    for (const auto& block : parse_page(read(file)).blocks) {
      CAPTURE(file.string(), block.line);
      check(block);
    }
}

}  // namespace

TEST_CASE("every program in the documentation equals the region of the compiled file that it names", "[docs]") {
  for_each_block([](const CodeBlock& block) {
    if (!needs_a_source(block)) return;
    REQUIRE(block.marker.starts_with(kFrom));
    const std::string source = block.marker.substr(kFrom.size());
    const auto hash = source.find('#');
    REQUIRE(hash != std::string::npos);
    CHECK(block.text == region(read(source.substr(0, hash)), source.substr(hash + 1)));
  });
}

TEST_CASE("every output in the documentation matches the pattern that a test compares with the real output", "[docs]") {
  for_each_block([](const CodeBlock& block) {
    if (!block.marker.starts_with(kOutput)) return;
    CHECK(matches_part(read(block.marker.substr(kOutput.size())), block.text));
  });
}

TEST_CASE("every example is run by a test that compares its output", "[docs]") {
  const std::string tests = read("tests/examples/CMakeLists.txt");
  for (const auto& example : files("examples", ".cpp")) {
    const std::string name = example.stem().string();
    CAPTURE(name);
    CHECK(std::filesystem::exists(repository() / "examples" / (name + ".expected")));
    CHECK(tests.find("modelpool_test_example(" + name) != std::string::npos);
  }
}
