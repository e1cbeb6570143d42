// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "modelpool/weights/safetensors.hpp"
#include "weights/tensor_file.hpp"

namespace modelpool {

/// What an architecture knows about the names in its checkpoints.
struct CheckpointNames {
  /// Of the base model, for example "bert."; a name with it and the same name without it mean the same tensor.
  std::string base_prefix;
  /// Tensors that may be there and are of no use; '*' stands for any text. Compared without base_prefix, after renaming.
  std::vector<std::string> ignorable;
  /// Old and new ending of names, for example {".LayerNorm.gamma", ".LayerNorm.weight"}.
  std::vector<std::pair<std::string, std::string>> renamed_endings = {};
};

/// The tensors of a model folder under the names that an architecture uses. The architecture takes what it needs, then
/// finish() tells whether the file holds anything that it does not know.
///
/// Thread safety: none; one loader uses it.
class Checkpoint {
 public:
  /// Opens the weights of a folder, be it a model's or that of a module of its own (such as `2_Dense`): model.safetensors,
  /// else its shards, else pytorch_model.bin, else its shards. Files of a variant (model.fp16.safetensors) are not read.
  /// @throws LoadError         as Safetensors::open_folder and detail::open_torch_file, or two tensors have one name after
  ///                           renaming
  /// @throws UnsupportedModel  the folder has weights, but in none of these formats
  [[nodiscard]] static Checkpoint open(const std::filesystem::path& folder, CheckpointNames names);

  /// @param source  the file or folder to name in messages
  Checkpoint(detail::TensorFile file, std::string source, CheckpointNames names);

  /// @param name  without base prefix
  /// @return      valid as long as this object; copy it to keep it longer
  /// @throws LoadError  there is no such tensor (with the expected shape), or it has another shape (with both)
  const StoredTensor& take(std::string_view name, std::span<const std::int64_t> expected_shape);
  const StoredTensor& take(std::string_view name, std::initializer_list<std::int64_t> expected_shape) {
    return take(name, std::span{expected_shape.begin(), expected_shape.size()});
  }

  /// Null where there is no such tensor.
  /// @throws LoadError  it has another shape
  const StoredTensor* take_if_there(std::string_view name, std::span<const std::int64_t> expected_shape);
  const StoredTensor* take_if_there(std::string_view name, std::initializer_list<std::int64_t> expected_shape) {
    return take_if_there(name, std::span{expected_shape.begin(), expected_shape.size()});
  }

  [[nodiscard]] bool contains(std::string_view name) const;

  /// To be called when everything that is needed has been taken.
  /// @throws LoadError  naming tensors that were neither taken nor are ignorable
  void finish() const;

  /// Names, as in the file, of the tensors that have not been taken; sorted.
  [[nodiscard]] std::vector<std::string> ignored() const;

  /// Elements of the taken tensors; what several names share is counted once.
  [[nodiscard]] std::uint64_t parameters() const;

  /// Of the files, for the key of WeightStore.
  [[nodiscard]] std::span<const FileIdentity> identity() const noexcept { return file_->identity; }

 private:
  struct Entry {
    const StoredTensor* tensor;
    bool taken = false;
  };
  [[nodiscard]] std::string canonical(std::string_view name) const;
  [[nodiscard]] bool is_ignorable(std::string_view canonical_name) const;

  std::shared_ptr<const detail::TensorFile> file_;
  std::string source_;
  CheckpointNames names_;
  std::map<std::string, Entry, std::less<>> entries_;  // by canonical name
};

}  // namespace modelpool
