// SPDX-License-Identifier: Apache-2.0
// Any bytes are a safetensors file, or an index, or a LoadError of one line; what is read lies within the bytes.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <span>
#include <string_view>

#include "modelpool/error.hpp"
#include "modelpool/weights/safetensors.hpp"
#include "weights/safetensors_header.hpp"

using namespace modelpool;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

/// Reads the data itself, for the address sanitizer to see.
unsigned sum_of(std::span<const std::byte> data) {
  unsigned sum = 0;
  for (const auto byte : data) sum += std::to_integer<unsigned>(byte);
  return sum;
}

void check_tensors(std::span<const std::byte> file) {
  const auto tensors = Safetensors::parse(file, "f");
  volatile unsigned sink = 0;
  std::uint64_t bytes = 0;
  for (const auto& tensor : tensors.tensors()) {
    require(tensors.find(tensor.name) == &tensor);
    require(tensor.data.data() == file.data() + tensor.file_offset);
    require(tensor.file_offset + tensor.data.size() <= file.size());
    std::uint64_t elements = 1;
    for (const auto dimension : tensor.shape) elements *= static_cast<std::uint64_t>(dimension);
    require(elements == static_cast<std::uint64_t>(tensor.num_elements()));
    require(!to_string(tensor.type).empty());
    (void)tensor.aligned();
    tensor.release_pages();
    sink = sink + sum_of(tensor.data);
    bytes += tensor.data.size();
  }
  require(bytes == tensors.total_bytes());
}

void check_index(std::span<const std::byte> file) {
  const std::string_view text{reinterpret_cast<const char*>(file.data()), file.size()};
  for (const auto& [tensor, shard] : detail::parse_index(text, "f")) {
    require(!shard.empty() && shard != "." && shard != "..");
    require(shard.find('/') == std::string::npos);
  }
}

void load_or_refuse(const std::function<void(std::span<const std::byte>)>& read, std::span<const std::byte> file) {
  try {
    read(file);
  } catch (const LoadError& error) {
    const std::string_view message{error.what()};
    require(error.file == "f" && message.starts_with("f: "));
    require(std::ranges::none_of(message, [](char c) { return c == '\n' || c == '\0'; }));
    require(!error.byte_offset || *error.byte_offset <= file.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = std::as_bytes(std::span{data, size});
  load_or_refuse(check_tensors, file);
  load_or_refuse(check_index, file);
  return 0;
}
