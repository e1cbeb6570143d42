// SPDX-License-Identifier: Apache-2.0
// What loading costs in memory, measured on this process.
#include <ATen/ATen.h>
#include <malloc.h>

#include <cstdint>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "modelpool/device/memory.hpp"
#include "modelpool/weights/weight_store.hpp"
#include "support/catch.hpp"
#include "support/safetensors_bytes.hpp"
#include "support/temporary_folder.hpp"
#include "support/torch_bytes.hpp"
#include "weights/checkpoint.hpp"
#include "weights/tensors.hpp"

using namespace modelpool;
using modelpool::test::safetensors_bytes;
using modelpool::test::TemporaryFolder;
using modelpool::test::torch_stream_of;
using modelpool::test::torch_zip_of;
using modelpool::test::TorchTensor;

namespace {

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kTensors = 16;
constexpr std::uint64_t kTensorBytes = 1 * kMiB;  // as stored, in float16
constexpr std::int64_t kElements = kTensorBytes / 2;

/// What the weights are kept in.
enum class Form { safetensors, archive, stream };

std::string name_of(std::uint64_t i) { return "t" + std::to_string(i); }

std::string safetensors_file() {
  std::string header;
  for (std::uint64_t i = 0; i < kTensors; ++i)
    header += (i == 0 ? "{\"" : ",\"") + name_of(i) + R"(":{"dtype":"F16","shape":[)" + std::to_string(kElements) +
              R"(],"data_offsets":[)" + std::to_string(i * kTensorBytes) + "," +
              std::to_string((i + 1) * kTensorBytes) + "]}";
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  return safetensors_bytes(header, std::string(kTensors * kTensorBytes, '\1'));
}

/// The tensors of a stream do not begin at a multiple of their element size.
std::string torch_file(Form form) {
  std::vector<TorchTensor> tensors;
  for (std::uint64_t i = 0; i < kTensors; ++i) {
    tensors.push_back({.name = name_of(i),
                       .shape = {kElements},
                       .data = std::string(kTensorBytes, '\1'),
                       .storage = "HalfStorage",
                       .element_bytes = 2});
  }
  return form == Form::archive ? torch_zip_of(tensors) : torch_stream_of(tensors);
}

/// A folder with 16 MiB of float16 weights.
class Folder {
 public:
  explicit Folder(Form form = Form::safetensors) {
    if (form == Form::safetensors)
      folder_.write("model.safetensors", safetensors_file());
    else
      folder_.write("pytorch_model.bin", torch_file(form));
    ::malloc_trim(0);  // what writing it took would be used again, unseen
  }
  [[nodiscard]] Checkpoint open() const { return Checkpoint::open(folder_.path(), {}); }

 private:
  TemporaryFolder folder_;
};

using Model = std::vector<at::Tensor>;

std::shared_ptr<const Model> load(Checkpoint& checkpoint, at::ScalarType type = at::kFloat) {
  Model model;
  for (std::uint64_t i = 0; i < kTensors; ++i)
    model.push_back(copy_from(checkpoint.take(name_of(i), {kElements}), type));
  checkpoint.finish();
  return std::make_shared<const Model>(std::move(model));
}

std::shared_ptr<const Model> load_through(WeightStore& store, const Folder& folder) {
  auto checkpoint = folder.open();
  const WeightKey key{.files = {checkpoint.identity().begin(), checkpoint.identity().end()}, .model = "test"};
  return store.get_or_load<Model>(key, [&] { return load(checkpoint); });
}

/// The most that this process had in memory since reset_peak().
std::uint64_t peak_bytes() {
  std::ifstream status{"/proc/self/status"};
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::stoull(line.substr(6)) * 1024;
  return 0;
}

bool reset_peak() {
  std::ofstream file{"/proc/self/clear_refs"};
  file << "5";
  file.close();
  return file.good() && peak_bytes() < MemoryProbe{}.process().resident_bytes + 8 * kMiB;
}

}  // namespace

TEST_CASE("a second load of the same folder raises the proportional memory by less than 2 % of the weights",
          "[weights][memory]") {
  const Folder folder;
  WeightStore store;
  empty_device_cache();  // what earlier cases left would be used again, unseen
  const auto now = [] { return MemoryProbe{}.process().proportional_bytes; };
  if (!now()) SKIP("this system does not tell a process's proportional memory");
  const auto empty = *now();
  const auto first = load_through(store, folder);
  const auto one = *now();
  const auto second = load_through(store, folder);
  const auto two = *now();
  constexpr auto kWeights = 2 * kTensors * kTensorBytes;  // in float32
  CAPTURE(empty, one, two);
  CHECK(first == second);
  CHECK(one >= empty + kWeights * 98 / 100);  // the measurement sees the first load
  CHECK(two <= one + kWeights * 2 / 100);
}

TEST_CASE("a conversion needs the weights and one tensor at most, whatever they are kept in", "[weights][memory]") {
  const auto form = GENERATE(Form::safetensors, Form::archive, Form::stream);
  const auto type = GENERATE(at::kFloat, at::kBFloat16, at::kHalf);
  CAPTURE(static_cast<int>(form), static_cast<int>(type));
  const Folder folder{form};
  empty_device_cache();
  if (!reset_peak()) SKIP("this system does not reset a process's peak of memory");
  const auto before = MemoryProbe{}.process().resident_bytes;
  auto checkpoint = folder.open();
  const auto model = load(checkpoint, type);
  const auto grown = peak_bytes() - before;
  const auto weights = kTensors * kTensorBytes / 2 * at::elementSize(type);
  constexpr auto kSlack = 6 * kMiB;  // code of LibTorch that is touched for the first time
  CAPTURE(grown, weights);
  CHECK(grown >= weights);
  CHECK(grown <= weights + kTensorBytes + kSlack);
}

TEST_CASE("weights that nobody uses any more are given back to the system", "[weights][memory]") {
  const Folder folder;
  WeightStore store;
  auto model = load_through(store, folder);
  const auto loaded = MemoryProbe{}.process().resident_bytes;
  model.reset();
  empty_device_cache();
  CHECK(MemoryProbe{}.process().resident_bytes + kTensors * kTensorBytes <= loaded);
}
