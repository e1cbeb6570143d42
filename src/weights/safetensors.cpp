// SPDX-License-Identifier: Apache-2.0
#include "modelpool/weights/safetensors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <utility>

#include "modelpool/error.hpp"
#include "weights/mapped_file.hpp"
#include "weights/safetensors_header.hpp"

namespace modelpool {

namespace fs = std::filesystem;

struct Safetensors::State {
  std::vector<StoredTensor> tensors;
  detail::StringMap metadata;
  std::vector<FileIdentity> identity;
  std::uint64_t total_bytes = 0;
};

namespace {

constexpr const char* kSingleFile = "model.safetensors";
constexpr const char* kIndexFile = "model.safetensors.index.json";

struct File {
  std::vector<StoredTensor> tensors;
  detail::StringMap metadata;
  FileIdentity identity;
};

std::vector<StoredTensor> tensors_of(std::vector<detail::HeaderEntry> entries, std::span<const std::byte> data,
                                     std::uint64_t data_start) {
  std::vector<StoredTensor> tensors;
  tensors.reserve(entries.size());
  for (auto& entry : entries) {
    auto& tensor = tensors.emplace_back();
    tensor.name = std::move(entry.name);
    tensor.type = entry.type;
    tensor.shape = std::move(entry.shape);
    tensor.data = data.subspan(entry.begin, entry.end - entry.begin);
    tensor.file_offset = data_start + entry.begin;
  }
  return tensors;
}

File map_file(const fs::path& path) {
  const detail::OpenFile file{path};
  const auto size = file.identity().size_bytes;
  const auto start = file.read(0, 64);
  detail::refuse_lfs_pointer(start, file.name());
  const auto length =
      detail::header_length(std::string_view{start}.substr(0, detail::kHeaderLengthBytes), size, file.name());
  const auto json = file.read(detail::kHeaderLengthBytes, length);
  if (json.size() != length)
    throw LoadError{file.name(), "", detail::kHeaderLengthBytes + json.size(), "was truncated while it was read"};
  const auto data_start = detail::kHeaderLengthBytes + length;
  auto header = detail::parse_header(json, size - data_start, file.name());

  const auto map = std::make_shared<const MappedFile>(file);
  auto tensors = tensors_of(std::move(header.entries), map->bytes().subspan(data_start), data_start);
  for (auto& tensor : tensors) {
    tensor.file = file.name();
    tensor.owner = map;
  }
  return {std::move(tensors), std::move(header.metadata), file.identity()};
}

void sort_by_name(std::vector<StoredTensor>& tensors) { std::ranges::sort(tensors, {}, &StoredTensor::name); }

std::uint64_t sum_of_bytes(const std::vector<StoredTensor>& tensors) {
  std::uint64_t sum = 0;
  for (const auto& tensor : tensors) sum += tensor.data.size();
  return sum;
}

const StoredTensor* find_in(std::span<const StoredTensor> sorted, std::string_view name) {
  const auto at =
      std::ranges::lower_bound(sorted, name, {}, [](const StoredTensor& t) { return std::string_view{t.name}; });
  return at != sorted.end() && at->name == name ? &*at : nullptr;
}

void refuse_twins(std::span<const StoredTensor> sorted) {
  const auto twin = std::ranges::adjacent_find(sorted, {}, &StoredTensor::name);
  if (twin == sorted.end()) return;
  throw LoadError{std::next(twin)->file, twin->name, std::next(twin)->file_offset,
                  fmt::format("is also in {}", twin->file)};
}

}  // namespace

bool StoredTensor::aligned() const noexcept {
  // C64 is two floats; F4 and F6 are bytes to whoever unpacks them.
  const auto element_bytes = type == ElementType::c64 ? 4 : std::max<std::size_t>(1, bits_of(type) / 8);
  return reinterpret_cast<std::uintptr_t>(data.data()) % element_bytes == 0;
}

std::int64_t StoredTensor::num_elements() const noexcept {
  return static_cast<std::int64_t>(data.size() * 8 / bits_of(type));  // checked against shape on opening
}

void StoredTensor::release_pages() const noexcept {
  if (owner) owner->release_pages(data);
}

Safetensors::Safetensors(std::shared_ptr<const State> state) : state_(std::move(state)) {}

Safetensors Safetensors::open_file(const fs::path& file) {
  auto mapped = map_file(file);
  auto state = std::make_shared<State>();
  sort_by_name(mapped.tensors);
  state->total_bytes = sum_of_bytes(mapped.tensors);
  state->tensors = std::move(mapped.tensors);
  state->metadata = std::move(mapped.metadata);
  state->identity = {mapped.identity};
  return Safetensors{std::move(state)};
}

Safetensors Safetensors::open_index(const fs::path& index) {
  const detail::OpenFile file{index};
  if (file.identity().size_bytes > detail::kMaxHeaderBytes)
    throw LoadError{file.name(), "", std::nullopt,
                    fmt::format("is larger than {} bytes, too large for an index", detail::kMaxHeaderBytes)};
  const auto json = file.read(0, file.identity().size_bytes);
  detail::refuse_lfs_pointer(json, file.name());
  const auto shard_of = detail::parse_index(json, file.name());

  std::set<std::string> shards;
  for (const auto& [tensor, shard] : shard_of) shards.insert(shard);
  auto state = std::make_shared<State>();
  for (const auto& shard : shards) {
    const auto path = index.parent_path() / shard;
    std::error_code ignored;
    if (fs::symlink_status(path, ignored).type() == fs::file_type::not_found)
      throw LoadError{path.string(), "", std::nullopt,
                      fmt::format("this shard is missing; {} names {} of them", file.name(), shards.size())};
    auto mapped = map_file(path);
    sort_by_name(mapped.tensors);
    for (const auto& [tensor, place] : shard_of)
      if (place == shard && !find_in(mapped.tensors, tensor))
        throw LoadError{path.string(), tensor, std::nullopt,
                        fmt::format("is not in this shard, where {} places it", file.name())};
    std::ranges::move(mapped.tensors, std::back_inserter(state->tensors));
    state->metadata.merge(mapped.metadata);
    state->identity.push_back(mapped.identity);
  }
  sort_by_name(state->tensors);
  refuse_twins(state->tensors);
  state->total_bytes = sum_of_bytes(state->tensors);
  return Safetensors{std::move(state)};
}

Safetensors Safetensors::open_folder(const fs::path& folder) {
  std::error_code ignored;
  const auto there = [&](const char* name) {
    return fs::symlink_status(folder / name, ignored).type() != fs::file_type::not_found;
  };
  if (there(kSingleFile)) return open_file(folder / kSingleFile);
  if (there(kIndexFile)) return open_index(folder / kIndexFile);
  if (!fs::is_directory(folder, ignored))
    throw LoadError{folder.string(), "", std::nullopt, "is not a folder that can be read"};
  throw LoadError{folder.string(), "", std::nullopt, fmt::format("has neither {} nor {}", kSingleFile, kIndexFile)};
}

Safetensors Safetensors::parse(std::span<const std::byte> bytes, std::string name) {
  const std::string_view text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  detail::refuse_lfs_pointer(text, name);
  const auto length = detail::header_length(text.substr(0, detail::kHeaderLengthBytes), bytes.size(), name);
  const auto data_start = detail::kHeaderLengthBytes + length;
  auto header = detail::parse_header(text.substr(detail::kHeaderLengthBytes, length), bytes.size() - data_start, name);
  auto state = std::make_shared<State>();
  state->tensors = tensors_of(std::move(header.entries), bytes.subspan(data_start), data_start);
  for (auto& tensor : state->tensors) tensor.file = name;
  sort_by_name(state->tensors);
  state->total_bytes = sum_of_bytes(state->tensors);
  state->metadata = std::move(header.metadata);
  return Safetensors{std::move(state)};
}

std::span<const StoredTensor> Safetensors::tensors() const noexcept { return state_->tensors; }
const StoredTensor* Safetensors::find(std::string_view name) const noexcept { return find_in(state_->tensors, name); }
const std::map<std::string, std::string, std::less<>>& Safetensors::metadata() const noexcept {
  return state_->metadata;
}
std::span<const FileIdentity> Safetensors::identity() const noexcept { return state_->identity; }
std::uint64_t Safetensors::total_bytes() const noexcept { return state_->total_bytes; }

}  // namespace modelpool
