// SPDX-License-Identifier: Apache-2.0
#include "modelpool/weights/safetensors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <numeric>
#include <utility>

#include "modelpool/error.hpp"
#include "weights/mapped_file.hpp"
#include "weights/safetensors_header.hpp"
#include "weights/tensor_file.hpp"

namespace modelpool {

namespace fs = std::filesystem;

struct Safetensors::State : detail::TensorFile {
  std::uint64_t total_bytes = 0;
};

namespace {

constexpr const char* kSingleFile = "model.safetensors";
constexpr const char* kIndexFile = "model.safetensors.index.json";

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

detail::TensorFile map_file(const fs::path& path) {
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
  detail::sort_by_name(tensors);
  return {std::move(tensors), std::move(header.metadata), {file.identity()}};
}

std::uint64_t sum_of_bytes(const std::vector<StoredTensor>& tensors) {
  std::uint64_t sum = 0;
  for (const auto& tensor : tensors) sum += tensor.data.size();
  return sum;
}

}  // namespace

bool StoredTensor::aligned() const noexcept {
  // C64 is two floats; F4 and F6 are bytes to whoever unpacks them.
  const auto element_bytes = type == ElementType::c64 ? 4 : std::max<std::size_t>(1, bits_of(type) / 8);
  return reinterpret_cast<std::uintptr_t>(data.data()) % element_bytes == 0;
}

std::int64_t StoredTensor::num_elements() const noexcept {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies{});  // checked on opening
}

void StoredTensor::release_pages() const noexcept {
  if (owner) owner->release_pages(data);
}

std::shared_ptr<const Safetensors::State> Safetensors::state_of(detail::TensorFile file) {
  const auto bytes = sum_of_bytes(file.tensors);
  return std::make_shared<const State>(State{std::move(file), bytes});
}

Safetensors::Safetensors(std::shared_ptr<const State> state) : state_(std::move(state)) {}

Safetensors Safetensors::open_file(const fs::path& file) { return Safetensors{state_of(map_file(file))}; }

Safetensors Safetensors::open_index(const fs::path& index) {
  return Safetensors{state_of(detail::open_shards(index, map_file))};
}

Safetensors Safetensors::open_folder(const fs::path& folder) {
  if (detail::is_there(folder / kSingleFile)) return open_file(folder / kSingleFile);
  if (detail::is_there(folder / kIndexFile)) return open_index(folder / kIndexFile);
  std::error_code ignored;
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
  auto tensors = tensors_of(std::move(header.entries), bytes.subspan(data_start), data_start);
  for (auto& tensor : tensors) tensor.file = name;
  detail::sort_by_name(tensors);
  return Safetensors{state_of({std::move(tensors), std::move(header.metadata), {}})};
}

std::span<const StoredTensor> Safetensors::tensors() const noexcept { return state_->tensors; }
const StoredTensor* Safetensors::find(std::string_view name) const noexcept {
  return detail::find_in(state_->tensors, name);
}
const std::map<std::string, std::string, std::less<>>& Safetensors::metadata() const noexcept {
  return state_->metadata;
}
std::span<const FileIdentity> Safetensors::identity() const noexcept { return state_->identity; }
std::uint64_t Safetensors::total_bytes() const noexcept { return state_->total_bytes; }

}  // namespace modelpool
