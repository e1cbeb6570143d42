// SPDX-License-Identifier: Apache-2.0
#include "weights/tensor_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <string>

#include "modelpool/error.hpp"
#include "weights/mapped_file.hpp"

namespace modelpool::detail {

namespace fs = std::filesystem;

namespace {

StringMap read_index(const OpenFile& file) {
  if (file.identity().size_bytes > kMaxHeaderBytes)
    throw LoadError{file.name(), "", std::nullopt,
                    fmt::format("is larger than {} bytes, too large for an index", kMaxHeaderBytes)};
  const auto json = file.read(0, file.identity().size_bytes);
  refuse_lfs_pointer(json, file.name());
  return parse_index(json, file.name());
}

void refuse_twins(std::span<const StoredTensor> sorted) {
  const auto twin = std::ranges::adjacent_find(sorted, {}, &StoredTensor::name);
  if (twin == sorted.end()) return;
  throw LoadError{std::next(twin)->file, twin->name, std::next(twin)->file_offset,
                  fmt::format("is also in {}", twin->file)};
}

}  // namespace

void sort_by_name(std::vector<StoredTensor>& tensors) { std::ranges::sort(tensors, {}, &StoredTensor::name); }

const StoredTensor* find_in(std::span<const StoredTensor> sorted, std::string_view name) {
  const auto at =
      std::ranges::lower_bound(sorted, name, {}, [](const StoredTensor& t) { return std::string_view{t.name}; });
  return at != sorted.end() && at->name == name ? &*at : nullptr;
}

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::symlink_status(path, ignored).type() != fs::file_type::not_found;
}

TensorFile open_shards(const fs::path& index, const std::function<TensorFile(const fs::path&)>& open_shard) {
  const OpenFile file{index};
  const auto shard_of = read_index(file);
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : shard_of) shards.insert(shard);
  TensorFile all;
  for (const auto& shard : shards) {
    const auto path = index.parent_path() / shard;
    if (!is_there(path))
      throw LoadError{path.string(), "", std::nullopt,
                      fmt::format("this shard is missing; {} names {} of them", file.name(), shards.size())};
    auto opened = open_shard(path);
    for (const auto& [tensor, place] : shard_of)
      if (place == shard && !find_in(opened.tensors, tensor))
        throw LoadError{path.string(), tensor, std::nullopt,
                        fmt::format("is not in this shard, where {} places it", file.name())};
    std::ranges::move(opened.tensors, std::back_inserter(all.tensors));
    all.metadata.merge(opened.metadata);
    all.identity.insert(all.identity.end(), opened.identity.begin(), opened.identity.end());
  }
  sort_by_name(all.tensors);
  refuse_twins(all.tensors);
  return all;
}

}  // namespace modelpool::detail
