// SPDX-License-Identifier: Apache-2.0
// Any bytes are a checkpoint of torch.save, in one of its forms, or a LoadError of one line; what is read lies within the
// bytes. The first byte chooses: the file as a whole, the pickle in an archive, or the pickle in a stream.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

#include "modelpool/error.hpp"
#include "support/torch_bytes.hpp"
#include "weights/torch_file.hpp"

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

/// The place of the last element lies within the data.
void check_strides(const StoredTensor& tensor) {
  if (tensor.strides.empty()) return;
  require(tensor.strides.size() == tensor.shape.size());
  std::uint64_t last = 0;
  for (std::size_t i = 0; i < tensor.shape.size(); ++i)
    last += static_cast<std::uint64_t>(tensor.shape[i] - 1) * static_cast<std::uint64_t>(tensor.strides[i]);
  require((last + 1) * (bits_of(tensor.type) / 8) == tensor.data.size());
}

void check(std::span<const std::byte> file) {
  volatile unsigned sink = 0;
  for (const auto& tensor : detail::parse_torch_file(file, "f")) {
    require(tensor.file_offset + tensor.data.size() <= file.size());
    require(tensor.data.data() == file.data() + tensor.file_offset);
    const auto elements = static_cast<std::uint64_t>(tensor.num_elements());
    if (tensor.strides.empty()) require(elements * (bits_of(tensor.type) / 8) == tensor.data.size());
    check_strides(tensor);
    (void)tensor.aligned();
    sink = sink + sum_of(tensor.data.first(std::min<std::size_t>(tensor.data.size(), 4096)));
  }
}

void load_or_refuse(std::span<const std::byte> file) {
  try {
    check(file);
  } catch (const LoadError& error) {
    const std::string_view message{error.what()};
    require(error.file == "f" && message.starts_with("f: "));
    require(std::ranges::none_of(message, [](char c) { return c == '\n' || c == '\0'; }));
    require(!error.byte_offset || *error.byte_offset <= file.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view rest{reinterpret_cast<const char*>(data) + 1, size - 1};
  std::string file{rest};
  if (data[0] == 'z') file = test::zip_of({{"m/data.pkl", std::string(rest)}, {"m/data/w", std::string(64, 'w')}});
  if (data[0] == 's') file = test::torch_stream_start() + std::string(rest);
  load_or_refuse(std::as_bytes(std::span{file}));
  return 0;
}
