// SPDX-License-Identifier: Apache-2.0
#include "cli/model_identity.hpp"

#include <link.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace modelpool::cli {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kMostFiles = 10'000;  // more is not a model's folder
constexpr off_t kSmallFile = off_t{1} << 20;

std::uint64_t nanoseconds(const timespec& t) {
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(t.tv_nsec);
}

// The time of the last change of the inode is there because programs that copy files set the other one back.
void add_stat(Sha256& hash, const struct stat& file) {
  hash.add_number(static_cast<std::uint64_t>(file.st_size));
  hash.add_number(file.st_ino);
  hash.add_number(nanoseconds(file.st_mtim));
  hash.add_number(nanoseconds(file.st_ctim));
}

std::vector<fs::path> files_below(const fs::path& folder) {
  std::vector<fs::path> files;
  std::size_t seen = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder, fs::directory_options::follow_directory_symlink)) {
    if (++seen > kMostFiles) throw std::runtime_error(folder.string() + " holds too many files for a model");
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

void add_contents(Sha256& hash, const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  if (!in) throw std::runtime_error("cannot read " + file.string());
  hash.add_text(bytes);
}

}  // namespace

void add_model_files(Sha256& hash, const fs::path& folder) {
  for (const auto& path : files_below(folder)) {
    struct stat file {};
    if (::stat(path.c_str(), &file) != 0) throw std::system_error(errno, std::generic_category(), path.string());
    hash.add_text(path.lexically_relative(folder).native());
    add_stat(hash, file);
    if (file.st_size <= kSmallFile) add_contents(hash, path);
  }
}

void add_program(Sha256& hash) {
  const auto add = [](dl_phdr_info* object, std::size_t, void* to) {
    struct stat file {};
    const bool is_program = object->dlpi_name == nullptr || *object->dlpi_name == '\0';
    if (::stat(is_program ? "/proc/self/exe" : object->dlpi_name, &file) == 0)
      add_stat(*static_cast<Sha256*>(to), file);
    return 0;
  };
  ::dl_iterate_phdr(add, &hash);
}

}  // namespace modelpool::cli
