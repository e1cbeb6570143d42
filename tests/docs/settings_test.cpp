// SPDX-License-Identifier: Apache-2.0
#include <iterator>
#include <regex>
#include <set>
#include <string>

#include "repository.hpp"
#include "support/catch.hpp"

using namespace modelpool_test;

namespace {

std::set<std::string> all_matches(const std::string& text, const std::regex& expression) {
  std::set<std::string> result;
  for (std::sregex_iterator it(text.begin(), text.end(), expression), end; it != end; ++it) result.insert((*it)[1]);
  return result;
}

const std::regex kVariable(R"rx("((MODELPOOL|MODEL|MASX)_[A-Z_]+)")rx");
const std::regex kDocumentedVariable("`((MODELPOOL|MODEL|MASX)_[A-Z_]+)`");
const std::regex kKey(R"rx(key == "([a-z_]+)")rx");
const std::regex kDocumentedKey(R"(\| `([a-z_]+)` \|)");

}  // namespace

TEST_CASE("docs/settings.md names every key and variable that the settings read, and no other", "[docs]") {
  const std::string source = read("src/base/settings.cpp");
  const std::string page = read("docs/settings.md");
  CHECK(all_matches(page, kDocumentedVariable) == all_matches(source, kVariable));
  const auto keys = all_matches(source, kKey);
  REQUIRE(keys.size() >= 5);
  CHECK(all_matches(page, kDocumentedKey) == keys);
}
