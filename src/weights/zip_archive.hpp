// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "weights/byte_source.hpp"

namespace modelpool::detail {

/// Where the contents of a file in an archive lie, uncompressed and as they are.
struct ZipEntry {
  std::uint64_t offset = 0;  ///< from the start of the archive, in bytes
  std::uint64_t bytes = 0;
};

/// The files in a zip archive, for archives whose files are stored without compression. Checksums are not computed: that
/// would read everything.
///
/// Format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, sections 4.3 to 4.5
class ZipArchive {
 public:
  /// @throws LoadError  the archive is damaged, or in several parts
  explicit ZipArchive(const ByteSource& source);

  [[nodiscard]] bool contains(std::string_view name) const { return headers_.contains(name); }
  /// The one name that ends so; empty where there is none, or several.
  [[nodiscard]] std::string name_ending_in(std::string_view ending) const;

  /// @throws LoadError  there is no such file, or it is compressed, encrypted, or not within the archive
  [[nodiscard]] ZipEntry entry(std::string_view name) const;

 private:
  /// What the list of contents says of a file.
  struct Header {
    std::uint64_t flags = 0;
    std::uint64_t method = 0;
    std::uint64_t stored_bytes = 0;
    std::uint64_t bytes = 0;
    std::uint64_t local_offset = 0;
  };
  struct Directory {
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
    std::uint64_t entries = 0;
  };

  [[nodiscard]] Directory find_directory() const;
  [[nodiscard]] Directory find_directory64(std::uint64_t locator_offset) const;
  void read_directory(const Directory& directory);
  void read_zip64(std::string_view extra, Header& header, std::uint64_t offset) const;
  [[noreturn]] void fail(std::string_view entry, std::uint64_t offset, const std::string& problem) const;

  const ByteSource& source_;
  std::map<std::string, Header, std::less<>> headers_;  // by name
};

}  // namespace modelpool::detail
