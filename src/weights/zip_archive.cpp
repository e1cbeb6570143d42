// SPDX-License-Identifier: Apache-2.0
#include "weights/zip_archive.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/escape.hpp"
#include "modelpool/error.hpp"

namespace modelpool::detail {
namespace {

// Sizes of the fixed parts of the records, and the numbers they begin with.
constexpr std::size_t kEndBytes = 22;
constexpr std::size_t kLocator64Bytes = 20;
constexpr std::size_t kEnd64Bytes = 56;
constexpr std::size_t kHeaderBytes = 46;
constexpr std::size_t kLocalHeaderBytes = 30;
constexpr std::uint64_t kEndSignature = 0x06054b50;
constexpr std::uint64_t kLocator64Signature = 0x07064b50;
constexpr std::uint64_t kEnd64Signature = 0x06064b50;
constexpr std::uint64_t kHeaderSignature = 0x02014b50;
constexpr std::uint64_t kLocalHeaderSignature = 0x04034b50;

constexpr std::uint64_t kLongestComment = 0xFFFF;
constexpr std::uint64_t kSeeZip64 = 0xFFFFFFFF;  // stands for a number that is in the zip64 part
constexpr std::uint64_t kMostDirectoryBytes = 100'000'000;
constexpr std::uint64_t kZip64Tag = 1;
constexpr std::uint64_t kEncryptedFlags = 0x2041;  // encrypted, strongly, or its headers masked

/// The number of `bytes` bytes at `at` of a record.
std::uint64_t field(std::string_view record, std::size_t at, std::size_t bytes) {
  return little_endian(record.substr(at, bytes));
}

}  // namespace

ZipArchive::ZipArchive(const ByteSource& source) : source_(source) { read_directory(find_directory()); }

ZipArchive::Directory ZipArchive::find_directory() const {
  const auto size = source_.size();
  const auto tail_bytes = std::min<std::uint64_t>(size, kEndBytes + kLongestComment);
  const auto tail = source_.read_all(size - tail_bytes, tail_bytes);
  for (std::size_t left = tail.size() < kEndBytes ? 0 : tail.size() - kEndBytes + 1; left-- > 0;) {
    const auto end = std::string_view{tail}.substr(left);
    if (field(end, 0, 4) != kEndSignature || kEndBytes + field(end, 20, 2) != end.size()) continue;
    const auto offset = size - tail_bytes + left;
    if (field(end, 4, 2) != field(end, 6, 2)) fail("", offset, "is one part of several of an archive");
    if (offset >= kLocator64Bytes && field(source_.read_all(offset - kLocator64Bytes, 4), 0, 4) == kLocator64Signature)
      return find_directory64(offset - kLocator64Bytes);
    return {.offset = field(end, 16, 4), .bytes = field(end, 12, 4), .entries = field(end, 10, 2)};
  }
  fail("", size, "is a zip archive without an end: it was truncated; download it again");
}

ZipArchive::Directory ZipArchive::find_directory64(std::uint64_t locator_offset) const {
  const auto offset = field(source_.read_all(locator_offset, kLocator64Bytes), 8, 8);
  if (offset > locator_offset || locator_offset - offset < kEnd64Bytes)
    fail("", locator_offset, "is a damaged zip archive: its zip64 end is not where it should be");
  const auto end = source_.read_all(offset, kEnd64Bytes);
  if (field(end, 0, 4) != kEnd64Signature) fail("", offset, "is a damaged zip archive: its zip64 end is not one");
  return {.offset = field(end, 48, 8), .bytes = field(end, 40, 8), .entries = field(end, 32, 8)};
}

void ZipArchive::read_directory(const Directory& directory) {
  if (directory.bytes > source_.size() || directory.offset > source_.size() - directory.bytes ||
      directory.bytes > kMostDirectoryBytes)
    fail("", std::min(directory.offset, source_.size()),
         "is a damaged zip archive: its list of files is not within it");
  const auto bytes = source_.read_all(directory.offset, directory.bytes);
  auto rest = std::string_view{bytes};
  for (std::uint64_t i = 0; i < directory.entries; ++i) {
    const auto offset = directory.offset + (bytes.size() - rest.size());
    if (rest.size() < kHeaderBytes || field(rest, 0, 4) != kHeaderSignature)
      fail("", offset, "is a damaged zip archive: its list of files is wrong");
    const auto name_bytes = field(rest, 28, 2);
    const auto extra_bytes = field(rest, 30, 2);
    const auto all_bytes = kHeaderBytes + name_bytes + extra_bytes + field(rest, 32, 2);
    if (rest.size() < all_bytes) fail("", offset, "is a damaged zip archive: its list of files ends too early");
    Header header{.flags = field(rest, 8, 2),
                  .method = field(rest, 10, 2),
                  .stored_bytes = field(rest, 20, 4),
                  .bytes = field(rest, 24, 4),
                  .local_offset = field(rest, 42, 4)};
    read_zip64(rest.substr(kHeaderBytes + name_bytes, extra_bytes), header, offset);
    const auto name = rest.substr(kHeaderBytes, name_bytes);
    if (!headers_.emplace(name, header).second) fail(name, offset, "is in the archive twice");
    rest.remove_prefix(all_bytes);
  }
}

/// The numbers that did not fit their 4 bytes follow in this order.
void ZipArchive::read_zip64(std::string_view extra, Header& header, std::uint64_t offset) const {
  while (extra.size() >= 4) {
    const auto tag = field(extra, 0, 2);
    auto part = extra.substr(4, field(extra, 2, 2));
    extra.remove_prefix(4 + part.size());
    if (tag != kZip64Tag) continue;
    for (auto* number : {&header.bytes, &header.stored_bytes, &header.local_offset}) {
      if (*number != kSeeZip64) continue;
      if (part.size() < 8) fail("", offset, "is a damaged zip archive: a zip64 number is missing");
      *number = field(part, 0, 8);
      part.remove_prefix(8);
    }
  }
}

std::string ZipArchive::name_ending_in(std::string_view ending) const {
  std::string found;
  for (const auto& [name, header] : headers_) {
    if (!name.ends_with(ending)) continue;
    if (!found.empty()) return "";
    found = name;
  }
  return found;
}

ZipEntry ZipArchive::entry(std::string_view name) const {
  const auto at = headers_.find(name);
  if (at == headers_.end()) fail(name, source_.size(), "is not in the archive: the file is damaged; download it again");
  const auto& header = at->second;
  const auto size = source_.size();
  const auto offset = std::min(header.local_offset, size);
  if ((header.flags & kEncryptedFlags) != 0) fail(name, offset, "is encrypted in the archive, which is not read");
  if (header.method != 0 || header.stored_bytes != header.bytes)
    fail(name, offset, "is compressed in the archive, which is not read; save it with torch.save as it is");
  if (size - offset < kLocalHeaderBytes) fail(name, offset, "is not within the archive: the file is damaged");
  const auto local = source_.read_all(offset, kLocalHeaderBytes);
  if (field(local, 0, 4) != kLocalHeaderSignature) fail(name, offset, "is not where the archive's list has it");
  const auto begin = offset + kLocalHeaderBytes + field(local, 26, 2) + field(local, 28, 2);
  if (begin > size || header.bytes > size - begin) fail(name, offset, "is not within the archive: the file is damaged");
  return {.offset = begin, .bytes = header.bytes};
}

void ZipArchive::fail(std::string_view entry, std::uint64_t offset, const std::string& problem) const {
  throw LoadError{source_.name(), std::string(entry), offset, problem};
}

}  // namespace modelpool::detail
