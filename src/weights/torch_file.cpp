// SPDX-License-Identifier: Apache-2.0
#include "weights/torch_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "modelpool/error.hpp"
#include "weights/byte_source.hpp"
#include "weights/mapped_file.hpp"
#include "weights/torch_pickle.hpp"
#include "weights/zip_archive.hpp"

namespace modelpool::detail {
namespace {

class FileSource final : public ByteSource {
 public:
  explicit FileSource(const OpenFile& file) : file_(file) {}
  const std::string& name() const noexcept override { return file_.name(); }
  std::uint64_t size() const noexcept override { return file_.identity().size_bytes; }
  std::string read(std::uint64_t offset, std::size_t length) const override { return file_.read(offset, length); }

 private:
  const OpenFile& file_;
};

class MemorySource final : public ByteSource {
 public:
  MemorySource(std::span<const std::byte> bytes, const std::string& name) : bytes_(bytes), name_(name) {}
  const std::string& name() const noexcept override { return name_; }
  std::uint64_t size() const noexcept override { return bytes_.size(); }
  std::string read(std::uint64_t offset, std::size_t length) const override {
    const std::string_view text{reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
    return std::string(text.substr(offset, length));
  }

 private:
  std::span<const std::byte> bytes_;
  const std::string& name_;
};

/// A tensor and where its storage begins, in bytes of the file.
struct PlacedTensor {
  TorchTensor tensor;
  std::uint64_t storage_begin = 0;
};

/// A storage's bytes must be as many as the pickle says.
void check_storage(const TorchTensor& tensor, std::uint64_t offset, std::uint64_t found, const std::string& file) {
  if (found == tensor.storage.bytes) return;
  throw LoadError{file, tensor.name, offset,
                  fmt::format("has a storage of {} bytes, but the pickle says {}", found, tensor.storage.bytes)};
}

// ---- the archive

void check_byte_order(const ByteSource& source, const ZipArchive& archive, const std::string& folder) {
  if (!archive.contains(folder + "byteorder")) return;  // torch before 2.1
  const auto entry = archive.entry(folder + "byteorder");
  const auto order = source.read_all(entry.offset, std::min<std::uint64_t>(entry.bytes, 16));
  if (order == "little") return;
  throw LoadError{source.name(), folder + "byteorder", entry.offset,
                  "was saved by a big-endian machine, which is not read; save it again on a little-endian one"};
}

std::vector<PlacedTensor> read_archive(const ByteSource& source) {
  const ZipArchive archive{source};
  const auto pickle_name = archive.name_ending_in("/data.pkl");
  if (pickle_name.empty())
    throw LoadError{source.name(), "data.pkl", std::nullopt, "is a zip archive, but not a checkpoint of torch"};
  const auto folder = pickle_name.substr(0, pickle_name.size() - std::string_view{"data.pkl"}.size());
  if (archive.contains(folder + "constants.pkl"))
    throw LoadError{source.name(), folder + "constants.pkl", std::nullopt,
                    "is a TorchScript program, not a checkpoint of tensors"};
  check_byte_order(source, archive, folder);
  const auto pickle = archive.entry(pickle_name);
  ByteCursor cursor{source, pickle.offset, pickle.offset + pickle.bytes, kMostPickleBytes};
  std::vector<PlacedTensor> placed;
  for (auto& tensor : read_torch_pickle(cursor, source.name())) {
    const auto entry = archive.entry(folder + "data/" + tensor.storage.key);
    check_storage(tensor, entry.offset, entry.bytes, source.name());
    placed.push_back({std::move(tensor), entry.offset});
  }
  return placed;
}

// ---- the older stream: magic number, version, about the system; the tensors, the storages' keys, the storages

// As a pickle of protocol 2 to 4 has it behind its first bytes.
constexpr std::string_view kMagicNumber{"\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10};
constexpr std::int64_t kStreamVersion = 1001;

[[noreturn]] void refuse(const ByteSource& source, std::uint64_t offset, const std::string& problem) {
  throw LoadError{source.name(), "", offset, problem};
}

void read_stream_start(ByteCursor& cursor, const ByteSource& source) {
  using Kind = PickleValue::Kind;
  const auto magic = read_pickle(cursor, source.name(), {});
  if (magic.root().kind != Kind::long_integer || magic.text(magic.root()) != kMagicNumber)
    refuse(source, 0, "is a pickle, but not a checkpoint of torch");
  const auto version_offset = cursor.offset();
  const auto version = read_pickle(cursor, source.name(), {});
  if (version.root().kind != Kind::integer || version.root().number != kStreamVersion)
    refuse(source, version_offset, fmt::format("is not of version {} of the format", kStreamVersion));
  const auto system_offset = cursor.offset();
  const auto system = read_pickle(cursor, source.name(), {});
  if (system.root().kind != Kind::dict) refuse(source, system_offset, "does not say which system wrote it");
  const auto items = system.items(system.root());
  for (std::size_t i = 0; i + 1 < items.size(); i += 2)
    if (items[i].kind == Kind::text && system.text(items[i]) == "little_endian" && items[i + 1].number == 0)
      refuse(source, system_offset,
             "was saved by a big-endian machine, which is not read; save it again on a little-endian one");
}

std::vector<std::string> read_keys(ByteCursor& cursor, const ByteSource& source) {
  const auto offset = cursor.offset();
  const auto pickle = read_pickle(cursor, source.name(), {});
  std::vector<std::string> keys;
  if (pickle.root().kind != PickleValue::Kind::list) refuse(source, offset, "has no list of storages");
  for (const auto key : pickle.items(pickle.root())) {
    if (key.kind != PickleValue::Kind::text) refuse(source, offset, "has a storage whose key is not a text");
    keys.push_back(pickle.text(key));
  }
  return keys;
}

/// Where a storage lies in the file.
struct StoragePlace {
  std::uint64_t begin = 0;
  std::uint64_t bytes = 0;
};

/// A storage's number of elements stands before it, and their size only with its tensors.
std::map<std::string, StoragePlace> find_storages(const std::vector<std::string>& keys,
                                                  const std::vector<TorchTensor>& tensors, std::uint64_t offset,
                                                  const ByteSource& source) {
  constexpr std::uint64_t kCountBytes = 8;
  std::map<std::string_view, const TorchTensor*> used_by;
  for (const auto& tensor : tensors) used_by.emplace(tensor.storage.key, &tensor);
  std::map<std::string, StoragePlace> places;
  for (const auto& key : keys) {
    const auto at = used_by.find(key);
    if (at == used_by.end()) refuse(source, offset, fmt::format("has the storage {} that no tensor uses", key));
    const auto& tensor = *at->second;
    const auto count = little_endian(source.read_all(offset, kCountBytes));
    const auto begin = offset + kCountBytes;
    if (tensor.storage.bytes > source.size() - begin)
      throw LoadError{source.name(), tensor.name, begin,
                      fmt::format("has a storage of {} bytes, which ends after the file: it was truncated; download it "
                                  "again",
                                  tensor.storage.bytes)};
    if (count != tensor.storage.elements)
      throw LoadError{
          source.name(), tensor.name, offset,
          fmt::format("has a storage of {} elements, but the pickle says {}", count, tensor.storage.elements)};
    if (!places.emplace(key, StoragePlace{begin, tensor.storage.bytes}).second)
      refuse(source, offset, fmt::format("has the storage {} twice", key));
    offset = begin + tensor.storage.bytes;
  }
  return places;
}

std::vector<PlacedTensor> read_stream(const ByteSource& source) {
  ByteCursor cursor{source, 0, source.size(), kMostPickleBytes};
  read_stream_start(cursor, source);
  auto tensors = read_torch_pickle(cursor, source.name());
  const auto keys = read_keys(cursor, source);
  const auto places = find_storages(keys, tensors, cursor.offset(), source);
  std::vector<PlacedTensor> placed;
  for (auto& tensor : tensors) {
    const auto at = places.find(tensor.storage.key);
    if (at == places.end()) throw LoadError{source.name(), tensor.name, tensor.offset, "has a storage that is missing"};
    check_storage(tensor, at->second.begin, at->second.bytes, source.name());
    placed.push_back({std::move(tensor), at->second.begin});
  }
  return placed;
}

// ---- either

std::vector<PlacedTensor> read(const ByteSource& source) {
  if (source.size() == 0) throw LoadError{source.name(), "", std::nullopt, "is empty; download it again"};
  const auto start = source.read(0, 512);
  refuse_lfs_pointer(start, source.name());
  if (start.starts_with("PK\x03\x04")) return read_archive(source);
  if (start.starts_with('\x80')) return read_stream(source);
  constexpr std::size_t kTarMagicAt = 257;
  if (std::string_view{start}.substr(std::min(start.size(), kTarMagicAt)).starts_with("ustar"))
    refuse(source, kTarMagicAt, "is a tar archive, as torch before 0.1.10 wrote; load and save it with a newer torch");
  refuse(source, 0, "is not a checkpoint of torch: neither a zip archive nor a stream of pickles");
}

/// The tensors as they lie in the file's bytes, each checked to be within them.
std::vector<StoredTensor> stored(std::vector<PlacedTensor> placed, std::span<const std::byte> bytes,
                                 const std::string& file, const std::shared_ptr<const MappedFile>& owner) {
  std::vector<StoredTensor> tensors;
  tensors.reserve(placed.size());
  for (auto& [tensor, storage_begin] : placed) {
    auto& result = tensors.emplace_back();
    result.name = std::move(tensor.name);
    result.type = tensor.type;
    result.shape = std::move(tensor.shape);
    result.strides = std::move(tensor.strides);
    result.file_offset = storage_begin + tensor.begin;
    result.data = bytes.subspan(result.file_offset, tensor.bytes);
    result.file = file;
    result.owner = owner;
  }
  sort_by_name(tensors);
  return tensors;
}

}  // namespace

TensorFile open_torch_file(const std::filesystem::path& path) {
  const OpenFile file{path};
  auto placed = read(FileSource{file});
  const auto map = std::make_shared<const MappedFile>(file);
  return {stored(std::move(placed), map->bytes(), file.name(), map), {}, {file.identity()}};
}

std::vector<StoredTensor> parse_torch_file(std::span<const std::byte> bytes, const std::string& name) {
  return stored(read(MemorySource{bytes, name}), bytes, name, nullptr);
}

}  // namespace modelpool::detail
