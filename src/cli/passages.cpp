// SPDX-License-Identifier: Apache-2.0
#include "cli/passages.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>

#include "cli/arguments.hpp"
#include "cli/json.hpp"

namespace modelpool::cli {
namespace fs = std::filesystem;
namespace {

// Bytes. Encoders of sentences read about 256 tokens, a little over 1,000 bytes of English.
constexpr std::size_t kEnough = 350;  // a passage of this size is not put together with the next paragraph
constexpr std::size_t kMost = 900;    // a passage is cut at the last line before this size

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t\r") == std::string_view::npos; }

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

/// @return 1 to 6; 0 for a line that is not a heading
std::size_t heading_level(std::string_view line) {
  const auto level = std::min(line.find_first_not_of('#'), line.size());
  return level >= 1 && level <= 6 && (level == line.size() || line[level] == ' ') ? level : 0;
}

bool is_fence(std::string_view line) {
  line = trim(line);
  return line.starts_with("```") || line.starts_with("~~~");
}

// A note of the authors to themselves, which no reader of the page sees.
bool is_comment(std::string_view line) {
  line = trim(line);
  return line.starts_with("<!--") && line.ends_with("-->");
}

class Cutter {
 public:
  Cutter(std::string_view file, bool is_markdown) : file_(file), is_markdown_(is_markdown) {}

  std::vector<Passage> cut(std::string_view text) {
    std::size_t number = 1;
    for (std::size_t begin = 0; begin < text.size(); ++number) {
      const auto end = std::min(text.find('\n', begin), text.size());
      take(text.substr(begin, end - begin), number);
      begin = end + 1;
    }
    flush();
    return std::move(passages_);
  }

 private:
  void take(std::string_view line, std::size_t number) {
    if (is_markdown_ && is_fence(line)) in_code_ = !in_code_;
    if (is_markdown_ && !in_code_ && is_comment(line)) return;
    const auto level = is_markdown_ && !in_code_ ? heading_level(line) : 0;
    if (level > 0) {
      flush();
      set_heading(level, trim(line.substr(level)));
    } else if (!in_code_ && is_blank(line)) {
      if (current_.text.size() >= kEnough) flush();
      append_line({}, number);
    } else {
      if (current_.text.size() + line.size() > kMost) flush();
      append_line(line, number);
    }
  }

  void append_line(std::string_view line, std::size_t number) {
    if (current_.text.empty()) {
      if (is_blank(line)) return;
      current_.line = number;
    } else {
      current_.text += '\n';
    }
    current_.text += line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
  }

  void flush() {
    const auto text = trim(current_.text);
    if (!text.empty())
      passages_.push_back({.file = file_, .line = current_.line, .heading = heading(), .text = std::string{text}});
    current_ = {};
  }

  void set_heading(std::size_t level, std::string_view title) {
    headings_[level - 1] = title;
    std::fill(headings_.begin() + static_cast<std::ptrdiff_t>(level), headings_.end(), std::string{});
  }

  std::string heading() const {
    std::string joined;
    for (const auto& title : headings_)
      if (!title.empty()) joined += (joined.empty() ? "" : " > ") + title;
    return joined;
  }

  std::string file_;
  bool is_markdown_;
  bool in_code_ = false;
  std::array<std::string, 6> headings_;
  Passage current_;
  std::vector<Passage> passages_;
};

bool is_hidden(const fs::path& path) { return path.filename().string().starts_with('.'); }

void list_folder(const fs::path& folder, std::set<std::string>& files) {
  std::error_code error;
  fs::recursive_directory_iterator it(folder, fs::directory_options::skip_permission_denied, error);
  for (; !error && it != fs::recursive_directory_iterator{}; it.increment(error)) {
    if (is_hidden(it->path())) {
      it.disable_recursion_pending();
      continue;
    }
    std::error_code ignored;
    if (it->is_regular_file(ignored)) files.insert(it->path().lexically_normal().string());
  }
  if (error) throw UsageError(fmt::format("--index {}: cannot read the folder: {}", folder.string(), error.message()));
}

std::optional<std::string> read_file(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return std::nullopt;
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (in.bad()) return std::nullopt;
  return text;
}

bool is_binary(std::string_view text) { return text.substr(0, 8192).find('\0') != std::string_view::npos; }

bool is_markdown_file(const fs::path& file) {
  const auto extension = file.extension();
  return extension == ".md" || extension == ".markdown";
}

std::vector<Passage> passages_of(const std::string& file, bool is_named, Log& log) {
  const auto text = read_file(file);
  if (!text) {
    const auto message = fmt::format("--index: cannot read {}: {}", file, std::strerror(errno));
    if (is_named) throw UsageError(message);
    log.write(LogLevel::warn, message + "; left out");
    return {};
  }
  if (is_binary(*text)) return {};
  if (const auto at = invalid_utf8_at(*text)) {
    log.write(LogLevel::warn, fmt::format("--index: {} is not UTF-8 at byte {}; left out", file, *at));
    return {};
  }
  return cut_passages(file, *text, is_markdown_file(file));
}

}  // namespace

std::vector<Passage> cut_passages(std::string_view file, std::string_view text, bool is_markdown) {
  return Cutter(file, is_markdown).cut(text);
}

std::vector<std::string> list_files(const std::vector<std::string>& paths) {
  std::set<std::string> files;
  for (const auto& path : paths) {
    std::error_code ignored;
    const auto status = fs::status(path, ignored);
    if (!fs::exists(status))
      throw UsageError(fmt::format("--index {}: there is no such file or folder (put -- before the questions)", path));
    if (fs::is_directory(status))
      list_folder(path, files);
    else
      files.insert(fs::path(path).lexically_normal().string());
  }
  return {files.begin(), files.end()};
}

std::vector<Passage> read_passages(const std::vector<std::string>& paths, Log& log) {
  std::set<std::string> named;
  for (const auto& path : paths) named.insert(fs::path(path).lexically_normal().string());
  std::vector<Passage> passages;
  for (const auto& file : list_files(paths)) {
    auto more = passages_of(file, named.contains(file), log);
    std::move(more.begin(), more.end(), std::back_inserter(passages));
  }
  if (passages.empty()) {
    std::string all;
    for (const auto& path : paths) all += " " + path;
    throw UsageError(fmt::format("--index{}: there is no text in it", all));
  }
  return passages;
}

}  // namespace modelpool::cli
