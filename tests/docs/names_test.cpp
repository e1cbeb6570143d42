// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <filesystem>
#include <regex>
#include <string>

#include "repository.hpp"
#include "support/catch.hpp"

using namespace modelpool_test;

namespace {

// Link targets of the package, which are written like names.
constexpr std::array<std::string_view, 4> kTargets{"core", "tokenizers", "models", "managers"};

bool headers_have_word(const std::string& word) {
  return std::regex_search(public_headers(), std::regex("\\b" + word + "\\b"));
}

template <class Check>
void for_each_match(const std::regex& expression, Check check) {
  for (const auto& file : pages()) {
    const std::string text = read(file);
    for (std::sregex_iterator it(text.begin(), text.end(), expression), end; it != end; ++it) {
      CAPTURE(file.string(), it->str());
      check(*it);
    }
  }
}

}  // namespace

TEST_CASE("every name in namespace modelpool that the documentation uses is declared in a public header", "[docs]") {
  static const std::regex name(R"(\bmodelpool::([A-Za-z_]+)(?:::([A-Za-z_]+))?)");
  for_each_match(name, [](const std::smatch& match) {
    if (std::find(kTargets.begin(), kTargets.end(), match[1].str()) != kTargets.end()) return;
    CHECK(headers_have_word(match[1]));
    if (match[2].matched) CHECK(headers_have_word(match[2]));
  });
}

TEST_CASE("every member that the documentation writes as Type::member is in a public header", "[docs]") {
  static const std::regex member("`([A-Z][A-Za-z]+)::([a-z_]+)[^`]*`");
  for_each_match(member, [](const std::smatch& match) {
    CHECK(headers_have_word(match[1]));
    CHECK(headers_have_word(match[2]));
  });
}

TEST_CASE("every header that the documentation includes is there", "[docs]") {
  static const std::regex header(R"(\b(modelpool/[a-z_/]+\.hpp))");
  for_each_match(header, [](const std::smatch& match) {
    CHECK(std::filesystem::exists(repository() / "include" / match[1].str()));
  });
}
