// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <string>

#include "repository.hpp"
#include "support/catch.hpp"

using namespace modelpool_test;
namespace fs = std::filesystem;

namespace {

bool leaves_the_repository(const std::string& target) {
  return target.starts_with("https://") || target.starts_with("http://");
}

void check_link(const fs::path& page, const std::string& target) {
  const auto hash = target.find('#');
  const std::string path = target.substr(0, hash);
  const fs::path file = path.empty() ? page : (page.parent_path() / path).lexically_normal();
  REQUIRE(fs::exists(repository() / file));
  if (hash == std::string::npos) return;
  REQUIRE(file.extension() == ".md");
  CHECK(parse_page(read(file)).anchors.contains(target.substr(hash + 1)));
}

}  // namespace

TEST_CASE("every link inside the repository leads to a file and a heading that are there", "[docs]") {
  for (const auto& page : pages())
    for (const auto& link : parse_page(read(page)).links) {
      if (leaves_the_repository(link.target)) continue;
      CAPTURE(page.string(), link.line, link.target);
      check_link(page, link.target);
    }
}

TEST_CASE("every page can be reached from docs/index.md", "[docs]") {
  std::set<std::string> linked{"README.md", "docs/index.md"};
  for (const auto& link : parse_page(read("docs/index.md")).links)
    linked.insert(("docs" / fs::path(link.target.substr(0, link.target.find('#')))).lexically_normal().string());
  for (const auto& page : pages()) {
    CAPTURE(page.string());
    CHECK(linked.contains(page.string()));
  }
}
