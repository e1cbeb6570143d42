// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "modelpool/weights/file_identity.hpp"

namespace modelpool {

namespace detail {

/// A regular file that was opened for reading; closed with the object.
class OpenFile {
 public:
  /// @throws LoadError  saying which of the ways a file cannot be opened it is
  explicit OpenFile(const std::filesystem::path& path);
  ~OpenFile();
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const FileIdentity& identity() const noexcept { return identity_; }
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

  /// @return  up to `length` bytes from `offset`; fewer only where the file ends
  /// @throws LoadError  the device fails
  [[nodiscard]] std::string read(std::uint64_t offset, std::size_t length) const;

 private:
  std::string name_;
  int descriptor_;
  FileIdentity identity_;
};

/// Of the file at a path, links followed; all zeros where there is none.
[[nodiscard]] FileIdentity identity_of(const std::filesystem::path& file) noexcept;

/// @throws LoadError  the text of a file is the pointer that git-LFS leaves in its place
void refuse_lfs_pointer(std::string_view start_of_file, const std::string& file);

}  // namespace detail

class MappedFile {
 public:
  /// @throws LoadError  the system cannot map it
  explicit MappedFile(const detail::OpenFile& file);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }

  /// Forgets the whole pages within `part`; they are read from the file again when touched.
  void release_pages(std::span<const std::byte> part) const noexcept;

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace modelpool
