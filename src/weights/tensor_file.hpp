// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "modelpool/weights/safetensors.hpp"
#include "weights/safetensors_header.hpp"

namespace modelpool::detail {

/// What weight files of any format hold, of one file or of all shards.
struct TensorFile {
  std::vector<StoredTensor> tensors;  ///< sorted by name
  StringMap metadata;
  std::vector<FileIdentity> identity;  ///< of each file, in the order of their names
};

/// Opens every shard that an index names; they are looked for beside it.
/// @param open_shard  opens one
/// @throws LoadError  the index is wrong, a shard is missing or lacks a tensor that the index places there, two shards
///                    hold the same tensor, or what open_shard throws
[[nodiscard]] TensorFile open_shards(const std::filesystem::path& index,
                                     const std::function<TensorFile(const std::filesystem::path&)>& open_shard);

void sort_by_name(std::vector<StoredTensor>& tensors);

/// Null where there is none of this name.
[[nodiscard]] const StoredTensor* find_in(std::span<const StoredTensor> sorted, std::string_view name);

/// Whether there is something of this name, be it a link to nothing.
[[nodiscard]] bool is_there(const std::filesystem::path& path);

}  // namespace modelpool::detail
