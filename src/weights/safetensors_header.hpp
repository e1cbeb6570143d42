// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "modelpool/weights/safetensors.hpp"

namespace modelpool::detail {

using StringMap = std::map<std::string, std::string, std::less<>>;

/// What a safetensors header says of one tensor. Offsets are relative to the end of the header.
struct HeaderEntry {
  std::string name;
  ElementType type = ElementType::f32;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

struct Header {
  StringMap metadata;
  std::vector<HeaderEntry> entries;  ///< ordered by place; together they cover the data exactly
};

inline constexpr std::uint64_t kHeaderLengthBytes = 8;
inline constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // the reference implementation's bound

/// @param prefix      the first 8 bytes of the file
/// @param file_bytes  size of the whole file
/// @return            length of the JSON header, which lies within the file
/// @throws LoadError  the length is absurd or the file ends before
[[nodiscard]] std::uint64_t header_length(std::string_view prefix, std::uint64_t file_bytes, const std::string& file);

/// @param json        the header, without its length
/// @param data_bytes  what follows the header in the file
/// @throws LoadError  anything at all is wrong
[[nodiscard]] Header parse_header(std::string_view json, std::uint64_t data_bytes, const std::string& file);

/// The `weight_map` of an index: tensor to shard, both as written.
/// @throws LoadError  anything at all is wrong; a shard that is not a plain file name is
[[nodiscard]] StringMap parse_index(std::string_view json, const std::string& file);

}  // namespace modelpool::detail
