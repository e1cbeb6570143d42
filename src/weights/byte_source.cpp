// SPDX-License-Identifier: Apache-2.0
#include "weights/byte_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "modelpool/error.hpp"

namespace modelpool::detail {
namespace {

constexpr std::uint64_t kBlockBytes = 64 * 1024;

}  // namespace

std::uint64_t little_endian(std::string_view bytes) noexcept {
  std::uint64_t number = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) number = number << 8U | static_cast<unsigned char>(bytes[i]);
  return number;
}

std::string ByteSource::read_all(std::uint64_t offset, std::size_t length) const {
  auto bytes = offset <= size() ? read(offset, length) : std::string{};
  if (bytes.size() == length) return bytes;
  throw LoadError{name(), "", size(), "is truncated: it ends too early; download it again"};
}

std::string_view ByteCursor::take(std::uint64_t length) {
  if (length > end_ - offset_)
    throw LoadError{source_.name(), "", end_, "is truncated, or not a checkpoint: a pickle ends too early"};
  if (length > most_ - taken())
    throw LoadError{source_.name(), "", offset_, fmt::format("a pickle has more than {} bytes", most_)};
  if (length > block_.size() - at_) fill(length);
  const auto part = std::string_view{block_}.substr(at_, length);
  at_ += length;
  offset_ += length;
  return part;
}

void ByteCursor::fill(std::uint64_t length) {
  block_ = source_.read_all(offset_, std::min(end_ - offset_, std::max(length, kBlockBytes)));
  at_ = 0;
}

std::uint64_t ByteCursor::number(std::size_t bytes) { return little_endian(take(bytes)); }

std::string ByteCursor::line(std::size_t most) {
  std::string text;
  for (char c = take(1).front(); c != '\n'; c = take(1).front()) {
    if (text.size() == most)
      throw LoadError{source_.name(), "", offset_, fmt::format("a name in a pickle is longer than {} bytes", most)};
    text += c;
  }
  return text;
}

}  // namespace modelpool::detail
