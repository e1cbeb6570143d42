// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/safetensors_bytes.hpp"

/// Files as torch.save writes them, from parts that may be wrong.
namespace modelpool::test {

/// A number of `bytes` bytes, little-endian.
inline std::string little_endian_bytes(std::uint64_t number, std::size_t bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes; ++i) text += static_cast<char>(number >> 8 * i & 0xFFU);
  return text;
}

/// A pickle's operations for a text, a number and a tuple of numbers.
inline std::string pickled(std::string_view text) {
  return "X" + little_endian_bytes(text.size(), 4) + std::string(text);
}
inline std::string pickled(std::int64_t number) {
  return "\x8a\x08" + little_endian_bytes(static_cast<std::uint64_t>(number), 8);
}
inline std::string pickled(const std::vector<std::int64_t>& numbers) {
  std::string text = "(";
  for (const auto number : numbers) text += pickled(number);
  return text + "t";
}

/// One tensor for a file that is made of them, with a storage of its own.
struct TorchTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  std::string data;
  std::string storage = "FloatStorage";
  std::size_t element_bytes = 4;
  std::vector<std::int64_t> strides = {};  ///< empty: row-major
  std::int64_t first = 0;                  ///< element of the storage
  std::string in_storage_of = {};          ///< of another tensor; empty: of its own

  [[nodiscard]] std::string key() const { return in_storage_of.empty() ? name : in_storage_of; }
  [[nodiscard]] std::size_t elements() const { return data.size() / element_bytes; }
};

inline std::string pickled(const TorchTensor& tensor, bool in_stream) {
  auto strides = tensor.strides;
  if (strides.empty()) {
    strides.assign(tensor.shape.size(), 1);
    for (std::size_t i = strides.size(); i-- > 1;) strides[i - 1] = strides[i] * tensor.shape[i];
  }
  const auto storage = "(" + pickled("storage") + "ctorch\n" + tensor.storage + "\n" + pickled(tensor.key()) +
                       pickled("cpu") + pickled(static_cast<std::int64_t>(tensor.elements())) +
                       (in_stream ? "Nt" : "t") + "Q";
  return "ctorch._utils\n_rebuild_tensor_v2\n(" + storage + pickled(tensor.first) + pickled(tensor.shape) +
         pickled(strides) + "\x89" + "ccollections\nOrderedDict\n)RtR";
}

/// The pickle of a dictionary of these tensors.
inline std::string torch_pickle_of(const std::vector<TorchTensor>& tensors, bool in_stream = false) {
  std::string text = "\x80\x02}(";
  for (const auto& tensor : tensors) text += pickled(tensor.name) + pickled(tensor, in_stream);
  return text + "u.";
}

/// A zip archive of these names and contents, stored, each aligned to 64 bytes as torch does.
inline std::string zip_of(const std::vector<std::pair<std::string, std::string>>& files) {
  std::string archive;
  std::string directory;
  for (const auto& [name, content] : files) {
    const auto size = little_endian_bytes(content.size(), 4);
    const auto offset = archive.size();
    const auto padding = 63 - (offset + 30 + name.size() + 4 + 63) % 64;
    const std::string common = std::string(2, '\0') + std::string(2, '\0') + std::string(8, '\0') + size + size +
                               little_endian_bytes(name.size(), 2);
    archive += std::string("PK\3\4\0\0", 6) + common + little_endian_bytes(padding + 4, 2) + name + "FB" +
               little_endian_bytes(padding, 2) + std::string(padding, 'Z') + content;
    directory +=
        std::string("PK\1\2\0\0\0\0", 8) + common + std::string(12, '\0') + little_endian_bytes(offset, 4) + name;
  }
  const auto count = little_endian_bytes(files.size(), 2);
  return archive + directory + std::string("PK\5\6\0\0\0\0", 8) + count + count +
         little_endian_bytes(directory.size(), 4) + little_endian_bytes(archive.size(), 4) + std::string(2, '\0');
}

/// A correct file of torch 1.6 and newer.
inline std::string torch_zip_of(const std::vector<TorchTensor>& tensors) {
  std::vector<std::pair<std::string, std::string>> files{{"m/data.pkl", torch_pickle_of(tensors)}};
  for (const auto& tensor : tensors)
    if (tensor.in_storage_of.empty()) files.emplace_back("m/data/" + tensor.key(), tensor.data);
  files.emplace_back("m/version", "3\n");
  return zip_of(files);
}

/// What a file before torch 1.6 begins with.
inline std::string torch_stream_start() {
  return std::string("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.") +
         std::string("\x80\x02}(X\x0d\0\0\0little_endian\x88u.", 25);
}

/// A correct file of torch before 1.6.
inline std::string torch_stream_of(const std::vector<TorchTensor>& tensors) {
  std::string keys = "\x80\x02](";
  std::string storages;
  for (const auto& tensor : tensors) {
    if (!tensor.in_storage_of.empty()) continue;
    keys += pickled(tensor.key());
    storages += little_endian_bytes(tensor.elements(), 8) + tensor.data;
  }
  return torch_stream_start() + torch_pickle_of(tensors, /*in_stream=*/true) + keys + "e." + storages;
}

}  // namespace modelpool::test
