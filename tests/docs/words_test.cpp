// SPDX-License-Identifier: Apache-2.0
// What must not stand in a committed file: places of the machine that it was written on, and hosts of package
// registries, which differ from place to place and belong to the configuration of pip and apt.
#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "repository.hpp"
#include "support/catch.hpp"

using namespace modelpool_test;

namespace {

// In two halves, so that this file does not contain them.
const std::vector<std::string> kForbidden{
    std::string("pypi") + ".org",
    std::string("pythonhosted") + ".org",
    std::string("deb.debian") + ".org",
    std::string("archive.ubuntu") + ".com",
    std::string("download.pytorch") + ".org",
    std::string("/wo") + "rk/",
    std::string("/home") + "/",
    std::string("../sha") + "red",
};

constexpr std::array<const char*, 8> kFolders{"include",    "src",   "tests", "examples",
                                              "benchmarks", "cmake", "docs",  ".ci"};

std::vector<std::filesystem::path> committed_files() {
  std::vector<std::filesystem::path> result{"README.md", "CMakeLists.txt", "CMakePresets.json"};
  for (const char* folder : kFolders) {
    const auto more = files(folder, "");
    result.insert(result.end(), more.begin(), more.end());
  }
  return result;
}

bool is_text(const std::string& content) { return content.find('\0') == std::string::npos; }

}  // namespace

TEST_CASE("no file names a registry's host or a place of somebody's machine", "[docs]") {
  for (const auto& file : committed_files()) {
    const std::string text = read(file);
    if (!is_text(text)) continue;
    for (const auto& word : kForbidden) {
      CAPTURE(file.string(), word);
      // `$name/…` in a script is a variable's folder, not a fixed place.
      for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1))
        CHECK((word.front() == '/' && at > 0 &&
               (std::isalnum(static_cast<unsigned char>(text[at - 1])) || text[at - 1] == '}')));
    }
  }
}
