// SPDX-License-Identifier: Apache-2.0
#include "weights/tensors.hpp"

#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "modelpool/error.hpp"
#include "support/catch.hpp"
#include "support/safetensors_bytes.hpp"
#include "support/temporary_folder.hpp"
#include "weights/torch_file.hpp"

using namespace modelpool;
using modelpool::test::bytes_of;
using modelpool::test::safetensors_bytes;
using modelpool::test::safetensors_of;
using modelpool::test::TemporaryFolder;

namespace {

/// The one tensor "t" of a mapped file; `shift` bytes lie before its data.
StoredTensor stored(const std::string& dtype, const std::string& shape, const std::string& data,
                    std::size_t shift = 0) {
  const auto begin = std::to_string(shift);
  const auto end = std::to_string(shift + data.size());
  std::string header = R"({"pad":{"dtype":"U8","shape":[)" + begin + R"(],"data_offsets":[0,)" + begin +
                       R"(]},"t":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":[)" + begin + "," +
                       end + "]}}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  const TemporaryFolder folder;
  return *Safetensors::open_file(
              folder.write("f.safetensors", safetensors_bytes(header, std::string(shift, '\0') + data)))
              .find("t");
}

const std::vector<float> kNumbers{0.0F, -1.5F, 3.25F, 1000.0F, 0.0625F, -0.0F};

}  // namespace

TEST_CASE("float32 data is used where it is mapped, without a copy", "[weights]") {
  const auto file = stored("F32", "[2,3]", bytes_of(kNumbers));
  const auto tensor = tensor_from(file, at::kFloat);
  CHECK(tensor.const_data_ptr() == file.data.data());
  CHECK(tensor.sizes() == at::IntArrayRef{2, 3});
  CHECK(tensor.is_contiguous());
  CHECK(std::memcmp(tensor.const_data_ptr(), kNumbers.data(), 24) == 0);
}

TEST_CASE("a mapped tensor is valid after all else of its file is gone", "[weights]") {
  at::Tensor tensor;
  {
    const auto file = stored("F32", "[6]", bytes_of(kNumbers));
    tensor = tensor_from(file);
  }
  CHECK(tensor[2].item<float>() == 3.25F);
}

TEST_CASE("unaligned data is copied and has the same values", "[weights]") {
  const auto shift = GENERATE(1U, 2U, 3U);
  const auto file = stored("F32", "[6]", bytes_of(kNumbers), shift);
  CHECK_FALSE(file.aligned());
  const auto tensor = tensor_from(file, at::kFloat);
  CHECK(tensor.const_data_ptr() != file.data.data());
  CHECK(std::memcmp(tensor.const_data_ptr(), kNumbers.data(), 24) == 0);
}

TEST_CASE("a copy may be written to and leaves the file alone", "[weights]") {
  const auto file = stored("F32", "[6]", bytes_of(kNumbers));
  copy_from(file, at::kFloat).fill_(9);
  CHECK(tensor_from(file)[1].item<float>() == -1.5F);
}

TEST_CASE("numbers are converted to the wanted precision", "[weights]") {
  const auto type = GENERATE(at::kFloat, at::kBFloat16, at::kHalf, at::kDouble);
  struct Row {
    const char* name;
    at::ScalarType type;
  };
  const auto row = GENERATE(values<Row>({{"F64", at::kDouble},
                                         {"F32", at::kFloat},
                                         {"F16", at::kHalf},
                                         {"BF16", at::kBFloat16},
                                         {"F8_E4M3", at::kFloat8_e4m3fn},
                                         {"F8_E5M2", at::kFloat8_e5m2},
                                         {"F8_E4M3FNUZ", at::kFloat8_e4m3fnuz},
                                         {"F8_E5M2FNUZ", at::kFloat8_e5m2fnuz}}));
  CAPTURE(row.name, type);
  const std::vector<float> exact{0.0F, 1.0F, -1.5F, 4.0F, -0.5F};  // in every one of them
  const auto source = at::tensor(exact).to(row.type);
  const std::string data(static_cast<const char*>(source.const_data_ptr()), source.nbytes());
  const auto tensor = tensor_from(stored(row.name, "[5]", data), type);
  CHECK(tensor.scalar_type() == type);
  CHECK(at::equal(tensor.to(at::kDouble), at::tensor(exact).to(at::kDouble)));
}

TEST_CASE("stored values that are powers of two by definition are converted", "[weights]") {
  const auto tensor = tensor_from(stored("F8_E8M0", "[3]", std::string{"\x7F\x80\x7E"}), at::kFloat);
  CHECK(at::equal(tensor, at::tensor({1.0F, 2.0F, 0.5F})));
}

TEST_CASE("whole numbers, truth values and complex numbers keep their type", "[weights]") {
  CHECK(tensor_from(stored("I64", "[2]", bytes_of<std::int64_t>({-1, 1LL << 40})))
            .equal(at::tensor(std::vector<std::int64_t>{-1, 1LL << 40})));
  CHECK(tensor_from(stored("I32", "[1]", bytes_of<std::int32_t>({-5}))).item<int>() == -5);
  CHECK(tensor_from(stored("I16", "[1]", bytes_of<std::int16_t>({-300}))).item<int>() == -300);
  CHECK(tensor_from(stored("I8", "[1]", "\xFF")).item<int>() == -1);
  CHECK(tensor_from(stored("U8", "[1]", "\xFF")).item<int>() == 255);
  CHECK(tensor_from(stored("U16", "[1]", "\xFF\xFF")).scalar_type() == at::kUInt16);
  CHECK(tensor_from(stored("U32", "[1]", "\xFF\xFF\xFF\xFF")).scalar_type() == at::kUInt32);
  CHECK(tensor_from(stored("U64", "[1]", std::string(8, '\xFF'))).scalar_type() == at::kUInt64);
  CHECK(tensor_from(stored("BOOL", "[2]", std::string("\x00\x01", 2))).equal(at::tensor({0, 1}).to(at::kBool)));
  CHECK(tensor_from(stored("C64", "[1]", bytes_of<float>({1, 2}))).item<c10::complex<float>>() ==
        c10::complex<float>(1, 2));
}

TEST_CASE("types that cannot be computed with are an error with tensor and place", "[weights]") {
  const std::string type = GENERATE("F4", "F6_E2M3", "F6_E3M2");
  const auto file = stored(type, "[4]", std::string(type == "F4" ? 2 : 3, '\0'));
  try {
    (void)tensor_from(file);
    FAIL("accepted");
  } catch (const LoadError& error) {
    CHECK(error.item == "t");
    CHECK(error.byte_offset == file.file_offset);
  }
  CHECK_THROWS_AS(tensor_from(file, at::kFloat), LoadError);
}

TEST_CASE("whole numbers where weights are expected are an error", "[weights]") {
  CHECK_THROWS_AS(tensor_from(stored("I64", "[1]", std::string(8, '\0')), at::kFloat), LoadError);
  CHECK_THROWS_AS(copy_from(stored("BOOL", "[1]", std::string(1, '\0')), at::kFloat), LoadError);
}

TEST_CASE("scalars and empty tensors are converted too", "[weights]") {
  CHECK(tensor_from(stored("F32", "[]", bytes_of<float>({2})), at::kFloat).item<float>() == 2.0F);
  CHECK(tensor_from(stored("F16", "[0,3]", ""), at::kFloat).sizes() == at::IntArrayRef{0, 3});
}

TEST_CASE("the precisions that weights are stored in have a type, the others are an error", "[weights]") {
  CHECK(scalar_type(DType::float32) == at::kFloat);
  CHECK(scalar_type(DType::bfloat16) == at::kBFloat16);
  CHECK(scalar_type(DType::float16) == at::kHalf);
  CHECK_THROWS_AS(scalar_type(DType::automatic), InvalidOptions);
  CHECK_THROWS_AS(scalar_type(DType::int8), InvalidOptions);
}

TEST_CASE("tensors of a checkpoint of torch equal those of safetensors, whatever their strides and place",
          "[weights]") {
  const std::string name = GENERATE("zip", "stream");
  CAPTURE(name);
  const auto folder = std::filesystem::path(MODELPOOL_TEST_DATA) / "torch";
  const auto expected = Safetensors::open_file(folder / "expected.safetensors");
  for (const auto& found : modelpool::detail::open_torch_file(folder / (name + ".bin")).tensors) {
    CAPTURE(found.name);
    const auto wanted = tensor_from(*expected.find(found.name));
    const auto tensor = tensor_from(found);
    CHECK(tensor.is_contiguous());
    CHECK(at::equal(tensor, wanted));
    if (!at::isFloatingType(tensor.scalar_type())) continue;
    for (const auto type : {at::kFloat, at::kBFloat16, at::kHalf}) {
      CHECK(at::equal(copy_from(found, type), wanted.to(type)));
      CHECK(copy_from(found, type).is_contiguous());
    }
  }
}
