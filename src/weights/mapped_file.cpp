// SPDX-License-Identifier: Apache-2.0
#include "weights/mapped_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <system_error>

#include "modelpool/error.hpp"

namespace modelpool {
namespace detail {
namespace {

std::string system_text(int error) { return std::generic_category().message(error); }

std::string opening_problem(const std::filesystem::path& path, int error) {
  std::error_code ignored;
  switch (error) {
    case ENOENT:
      if (std::filesystem::is_symlink(path, ignored))
        return fmt::format("is a symbolic link to {}, which is not there",
                           std::filesystem::read_symlink(path, ignored).string());
      return "is not there";
    case ELOOP:
      return "its symbolic links form a loop";
    case EACCES:
      return "cannot be read by this user (permission denied); see its owner and mode with ls -l";
    default:
      return "cannot be opened: " + system_text(error);
  }
}

FileIdentity identity_of(const struct stat& status) {
  constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;
  return {.device = static_cast<std::uint64_t>(status.st_dev),
          .inode = static_cast<std::uint64_t>(status.st_ino),
          .size_bytes = static_cast<std::uint64_t>(status.st_size),
          .modified_ns = status.st_mtim.tv_sec * kNanosecondsPerSecond + status.st_mtim.tv_nsec};
}

}  // namespace

FileIdentity identity_of(const std::filesystem::path& file) noexcept {
  struct stat status {};
  return ::stat(file.c_str(), &status) == 0 ? identity_of(status) : FileIdentity{};
}

OpenFile::OpenFile(const std::filesystem::path& path)
    : name_(path.string()),
      descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {  // a FIFO must not block
  if (descriptor_ < 0) throw LoadError{name_, "", std::nullopt, opening_problem(path, errno)};
  struct stat status {};
  std::string problem;
  if (::fstat(descriptor_, &status) != 0)
    problem = "cannot be examined: " + system_text(errno);
  else if (S_ISDIR(status.st_mode))
    problem = "is a directory where a file is expected";
  else if (!S_ISREG(status.st_mode))
    problem = "is not a regular file";
  if (!problem.empty()) {
    ::close(descriptor_);
    throw LoadError{name_, "", std::nullopt, problem};
  }
  identity_ = identity_of(status);
}

OpenFile::~OpenFile() { ::close(descriptor_); }

std::string OpenFile::read(std::uint64_t offset, std::size_t length) const {
  std::string text(length, '\0');
  std::size_t done = 0;
  while (done < length) {
    const auto got = ::pread(descriptor_, text.data() + done, length - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw LoadError{name_, "", offset + done, "cannot be read: " + system_text(errno)};
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  text.resize(done);
  return text;
}

void refuse_lfs_pointer(std::string_view start_of_file, const std::string& file) {
  // https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md; hawser is git-LFS's first name
  for (const std::string_view start :
       {"version https://git-lfs.github.com/spec/", "version https://hawser.github.com/spec/"})
    if (start_of_file.starts_with(start))
      throw LoadError{file, "", std::nullopt,
                      "this is a git-LFS pointer, not the file itself; run git lfs pull in its repository"};
}

}  // namespace detail

MappedFile::MappedFile(const detail::OpenFile& file) {
  const auto size = file.identity().size_bytes;
  void* const start = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.descriptor(), 0);
  if (start == MAP_FAILED)
    throw LoadError{file.name(), "", std::nullopt, "cannot be mapped: " + detail::system_text(errno)};
  bytes_ = {static_cast<const std::byte*>(start), size};
}

MappedFile::~MappedFile() { ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size()); }

void MappedFile::release_pages(std::span<const std::byte> part) const noexcept {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const auto offset = static_cast<std::size_t>(part.data() - bytes_.data());
  const auto begin = (offset + page - 1) / page * page;
  const auto end = (offset + part.size()) / page * page;
  if (begin < end) ::madvise(const_cast<std::byte*>(bytes_.data()) + begin, end - begin, MADV_DONTNEED);
}

}  // namespace modelpool
