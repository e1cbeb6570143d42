// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace modelpool::detail {

/// The bytes of a file: of an opened one, or of memory that holds it.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  [[nodiscard]] virtual const std::string& name() const noexcept = 0;
  [[nodiscard]] virtual std::uint64_t size() const noexcept = 0;

  /// @return  up to `length` bytes from `offset`; fewer only where the file ends
  /// @throws LoadError  the device fails
  [[nodiscard]] virtual std::string read(std::uint64_t offset, std::size_t length) const = 0;

  /// @throws LoadError  the file ends before
  [[nodiscard]] std::string read_all(std::uint64_t offset, std::size_t length) const;
};

/// Walks through a part of a source from its start. Its own memory is a block, or the longest item asked for.
class ByteCursor {
 public:
  /// @param begin, end  the part, in bytes of the source  @param most  bytes that may be taken
  ByteCursor(const ByteSource& source, std::uint64_t begin, std::uint64_t end, std::uint64_t most) noexcept
      : source_(source), begin_(begin), offset_(begin), end_(end), most_(most) {}

  /// Of the next byte, from the start of the source.
  [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }
  [[nodiscard]] std::uint64_t taken() const noexcept { return offset_ - begin_; }

  /// @return  the next `length` bytes, valid until the next call
  /// @throws LoadError  the part ends before, or more would be taken than may be
  [[nodiscard]] std::string_view take(std::uint64_t length);
  [[nodiscard]] unsigned char byte() { return static_cast<unsigned char>(take(1).front()); }
  /// @return  an unsigned number of `bytes` bytes, little-endian
  [[nodiscard]] std::uint64_t number(std::size_t bytes);
  /// @return  what stands before the next newline, which is taken too  @throws LoadError  it is longer than `most`
  [[nodiscard]] std::string line(std::size_t most);

 private:
  void fill(std::uint64_t length);

  const ByteSource& source_;
  std::uint64_t begin_;
  std::uint64_t offset_;
  std::uint64_t end_;
  std::uint64_t most_;
  std::string block_;
  std::size_t at_ = 0;  // of offset_, in block_
};

/// An unsigned number from its bytes, little-endian.
[[nodiscard]] std::uint64_t little_endian(std::string_view bytes) noexcept;

}  // namespace modelpool::detail
