// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <regex>
#include <string>
#include <vector>

#include "repository.hpp"
#include "support/catch.hpp"

using namespace modelpool_test;

namespace {

std::vector<std::string> codes_in_headers() {
  static const std::regex code(R"rx(kCode = "([a-z_]+)")rx");
  const std::string& text = public_headers();
  std::vector<std::string> codes;
  for (std::sregex_iterator it(text.begin(), text.end(), code), end; it != end; ++it) codes.push_back((*it)[1]);
  std::sort(codes.begin(), codes.end());
  return codes;
}

std::vector<std::string> codes_in_documentation() {
  static const std::regex code("`([a-z_]+)`");
  std::vector<std::string> codes;
  for (const auto& heading : parse_page(read("docs/errors.md")).headings)
    if (std::smatch found; std::regex_match(heading, found, code)) codes.push_back(found[1]);
  std::sort(codes.begin(), codes.end());
  return codes;
}

}  // namespace

TEST_CASE("docs/errors.md has exactly one entry for every error code, and none besides", "[docs]") {
  const auto codes = codes_in_headers();
  REQUIRE(codes.size() >= 8);
  CHECK(std::adjacent_find(codes.begin(), codes.end()) == codes.end());
  CHECK(codes_in_documentation() == codes);
}
