// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "modelpool/weights/file_identity.hpp"

/// Reading of safetensors files, single or sharded, without copying and without LibTorch.
///
/// Format: https://github.com/huggingface/safetensors (README, "Format"): 8 bytes little-endian header length, a JSON
/// header, then the tensors' bytes without gaps.
namespace modelpool {

/// Element types of the format, under its names. The last two of the name of an F8 or F6 type are exponent and mantissa
/// bits.
enum class ElementType {
  boolean,
  f4,
  f6_e2m3,
  f6_e3m2,
  u8,
  i8,
  f8_e5m2,
  f8_e4m3,
  f8_e8m0,
  f8_e4m3fnuz,
  f8_e5m2fnuz,
  i16,
  u16,
  f16,
  bf16,
  i32,
  u32,
  f32,
  c64,
  f64,
  i64,
  u64
};

/// The format's name, for example "BF16".
[[nodiscard]] std::string_view to_string(ElementType type) noexcept;

/// Size of one element in bits; F4 and F6 elements are packed without padding.
[[nodiscard]] std::size_t bits_of(ElementType type) noexcept;

/// A read-only private map of a file.
class MappedFile;

namespace detail {
struct TensorFile;
}

/// One tensor as it lies in its file. Copies are cheap and keep the file mapped.
struct StoredTensor {
  std::string name;
  ElementType type = ElementType::f32;
  std::vector<std::int64_t> shape;          ///< every dimension >= 0; empty for a scalar
  std::vector<std::int64_t> strides;        ///< in elements; empty: row-major. Never given by safetensors
  std::span<const std::byte> data;          ///< little-endian, from the first element to behind the last
  std::uint64_t file_offset = 0;            ///< of data, in bytes from the start of the file
  std::string file;                         ///< path as opened, for messages
  std::shared_ptr<const MappedFile> owner;  ///< keeps data valid; null for parsed memory, which its user keeps

  /// False where data does not begin at a multiple of its element size: it must be copied before it is used as numbers.
  [[nodiscard]] bool aligned() const noexcept;
  [[nodiscard]] std::int64_t num_elements() const noexcept;

  /// Tells the system that the pages of data are no longer needed by this process (they are read again when touched),
  /// so that a tensor that was copied elsewhere does not count twice. No effect on parsed memory.
  void release_pages() const noexcept;
};

/// The tensors of one file, or of all shards that an index names. An immutable value; copies share everything.
///
/// A tensor whose description is wrong in any way is an error on opening, so that data never points outside its file.
/// The data itself is not read before it is touched. Files must be replaced by rename, not edited in place: the system
/// kills a process (SIGBUS) that touches a page which its file has lost in the meantime. Headers are therefore read and
/// not mapped, and models copy what they can while they load.
///
/// Thread safety: const, any number of threads.
class Safetensors {
 public:
  /// Maps one file.
  /// @throws LoadError  the file cannot be opened (permissions, a loop of links, a directory), is a git-LFS pointer, is
  ///                    empty or truncated, or its header is wrong; with tensor and byte offset where they are known
  [[nodiscard]] static Safetensors open_file(const std::filesystem::path& file);

  /// Maps every shard of a `model.safetensors.index.json`. Shards are looked for beside the index.
  /// @throws LoadError  as for open_file; also: a shard is missing, a shard lacks a tensor that the index places there,
  /// or
  ///                    two shards hold the same tensor
  [[nodiscard]] static Safetensors open_index(const std::filesystem::path& index);

  /// Maps `model.safetensors`, or the shards of `model.safetensors.index.json` where that is what the folder has.
  /// @throws LoadError  as above, or neither is there
  [[nodiscard]] static Safetensors open_folder(const std::filesystem::path& folder);

  /// Reads a whole file that is in memory already; the user keeps the bytes for as long as the tensors are used.
  /// @param name  stands for the file in messages
  [[nodiscard]] static Safetensors parse(std::span<const std::byte> bytes, std::string name);

  /// Sorted by name.
  [[nodiscard]] std::span<const StoredTensor> tensors() const noexcept;

  /// Null where there is none of this name; valid as long as this object or a copy of it.
  [[nodiscard]] const StoredTensor* find(std::string_view name) const noexcept;

  /// The free-form `__metadata__` of the file; of the first shard that has a key, where there are several.
  [[nodiscard]] const std::map<std::string, std::string, std::less<>>& metadata() const noexcept;

  /// Of each file, in the order of their names; empty for parsed memory.
  [[nodiscard]] std::span<const FileIdentity> identity() const noexcept;

  /// Sum of the tensors' bytes.
  [[nodiscard]] std::uint64_t total_bytes() const noexcept;

 private:
  struct State;
  explicit Safetensors(std::shared_ptr<const State> state);
  static std::shared_ptr<const State> state_of(detail::TensorFile file);
  std::shared_ptr<const State> state_;
};

}  // namespace modelpool
