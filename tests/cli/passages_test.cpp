// SPDX-License-Identifier: Apache-2.0
#include "cli/passages.hpp"

#include <filesystem>
#include <fstream>

#include "cli/arguments.hpp"
#include "cli/percentiles.hpp"
#include "cli/wrap.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace modelpool::cli;
using modelpool::test::TemporaryFolder;
namespace fs = std::filesystem;

TEST_CASE("a Markdown file is cut at its headings, which become the context of what is below them", "[cli][passages]") {
  const auto p = cut_passages("f.md", "# Title\n\nIntro.\n\n## One\nFirst\nparagraph.\n\n# Other\nEnd.\n", true);
  REQUIRE(p.size() == 3);
  CHECK(p[0].heading == "Title");
  CHECK(p[0].text == "Intro.");
  CHECK(p[0].line == 3);
  CHECK(p[1].heading == "Title > One");
  CHECK(p[1].text == "First\nparagraph.");
  CHECK(p[1].line == 6);
  CHECK(p[2].heading == "Other");
  CHECK(p[2].line == 10);
}

TEST_CASE("short paragraphs of a section are put together, long ones are cut between lines", "[cli][passages]") {
  const std::string line(100, 'x');
  const auto joined = cut_passages("f.txt", "a\n\nb\n\nc\n", false);
  REQUIRE(joined.size() == 1);
  CHECK(joined[0].text == "a\n\nb\n\nc");
  std::string text;
  for (int i = 0; i < 30; ++i) text += line + "\n";
  const auto cut = cut_passages("f.txt", text, false);
  REQUIRE(cut.size() >= 3);
  for (const auto& p : cut) CHECK(p.text.size() <= 900);
  CHECK(cut[1].line > 1);
}

TEST_CASE("a code block is not cut at its blank lines, nor are its comments headings", "[cli][passages]") {
  const auto p = cut_passages("f.md", "# T\n\n```sh\n# not a heading\n\nrun\n```\n", true);
  REQUIRE(p.size() == 1);
  CHECK(p[0].heading == "T");
  CHECK(p[0].text == "```sh\n# not a heading\n\nrun\n```");
}

TEST_CASE("comments of a Markdown file are left out", "[cli][passages]") {
  const auto p = cut_passages("f.md", "<!-- note -->\nText <b>\n<!-- note -->\nmore\n", true);
  REQUIRE(p.size() == 1);
  CHECK(p[0].text == "Text <b>\nmore");
  CHECK(p[0].line == 2);
}

TEST_CASE("text without Markdown keeps its number signs", "[cli][passages]") {
  const auto p = cut_passages("f.txt", "# comment\nline\r\n", false);
  REQUIRE(p.size() == 1);
  CHECK(p[0].text == "# comment\nline");
  CHECK(cut_passages("f.txt", " \n\n\t\n", false).empty());
}

TEST_CASE("a folder gives its text files in order, without hidden and binary ones", "[cli][passages]") {
  TemporaryFolder folder;
  folder.write("b.md", "# B\ntext b\n");
  folder.write("a/z.txt", "text z\n");
  folder.write(".git/config", "hidden\n");
  folder.write("a/.hidden.md", "hidden\n");
  folder.write("image.bin", std::string("\x89PNG\0\1\2", 7));
  folder.write("latin1.txt", "caf\xe9\n");
  Log log(-1, LogLevel::off);
  const auto p = read_passages({folder.path().string()}, log);
  REQUIRE(p.size() == 2);
  CHECK(p[0].file == (folder.path() / "a/z.txt").string());
  CHECK(p[1].file == (folder.path() / "b.md").string());
  CHECK(p[1].heading == "B");
  CHECK(read_passages({folder.path().string(), (folder.path() / "b.md").string()}, log).size() == 2);
}

TEST_CASE("an index without text, or that is not there, is refused", "[cli][passages]") {
  TemporaryFolder folder;
  Log log(-1, LogLevel::off);
  CHECK_THROWS_AS(read_passages({folder.path().string()}, log), UsageError);
  CHECK_THROWS_AS(read_passages({(folder.path() / "absent").string()}, log), UsageError);
}

TEST_CASE("lines are broken at blanks and indented", "[cli][wrap]") {
  CHECK(wrap("aaa bbb ccc ddd eee fff", 2, 24, 10) == "  aaa bbb ccc ddd eee\n  fff\n");
  CHECK(wrap("a\n\nb", 2, 80, 10) == "  a\n\n  b\n");
  CHECK(wrap("a\nb\nc\nd", 2, 80, 2) == "  a\n  b\n  ...\n");
  CHECK(wrap("  item that hangs over the end", 0, 20, 10) == "  item that hangs\n  over the end\n");
  CHECK(wrap(std::string(50, 'x'), 0, 20, 10) == std::string(50, 'x') + "\n");
}

TEST_CASE("a percentile is a value that was measured, at its nearest rank", "[cli][bench]") {
  std::vector<double> values;
  for (int i = 100; i >= 1; --i) values.push_back(i);
  const auto p = percentiles_of(values);
  CHECK(p.p50 == 50);
  CHECK(p.p90 == 90);
  CHECK(p.p99 == 99);
  CHECK(percentiles_of({7}).p99 == 7);
  CHECK(percentiles_of({}).p50 == 0);
}
