// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace modelpool::test {

/// A safetensors file from its header and data, both taken as they are, however wrong.
inline std::string safetensors_bytes(std::string_view header, std::string_view data = {}) {
  const std::uint64_t length = header.size();
  std::string bytes(sizeof length, '\0');
  std::memcpy(bytes.data(), &length, sizeof length);
  bytes += header;
  bytes += data;
  return bytes;
}

/// The bytes of numbers, as they lie in memory.
template <class T>
std::string bytes_of(const std::vector<T>& values) {
  const auto bytes = std::as_bytes(std::span{values});
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// One float32 tensor for a file that is made of them.
struct FloatTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};

/// A correct file, its tensors in the given order, its data aligned to 8 bytes.
inline std::string safetensors_of(const std::vector<FloatTensor>& tensors) {
  std::string header;
  std::string data;
  for (const auto& tensor : tensors) {
    std::string shape;
    for (const auto dimension : tensor.shape) shape += (shape.empty() ? "" : ",") + std::to_string(dimension);
    const auto begin = data.size();
    data += bytes_of(tensor.values);
    header += (header.empty() ? "\"" : ",\"") + tensor.name + "\":{\"dtype\":\"F32\",\"shape\":[" + shape +
              "],\"data_offsets\":[" + std::to_string(begin) + "," + std::to_string(data.size()) + "]}";
  }
  header = "{" + header + "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  return safetensors_bytes(header, data);
}

}  // namespace modelpool::test
