// SPDX-License-Identifier: Apache-2.0
// Checkpoints of torch.save: as torch wrote them (tests/scripts/make_torch_fixtures.py), and made wrong here.
#include "weights/torch_file.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include "modelpool/error.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "support/torch_bytes.hpp"

using namespace modelpool;
using modelpool::test::bytes_of;
using modelpool::test::pickled;
using modelpool::test::TemporaryFolder;
using modelpool::test::torch_pickle_of;
using modelpool::test::torch_stream_of;
using modelpool::test::torch_stream_start;
using modelpool::test::torch_zip_of;
using modelpool::test::TorchTensor;
using modelpool::test::zip_of;
namespace fs = std::filesystem;

namespace {

const fs::path kData = fs::path(MODELPOOL_TEST_DATA) / "torch";
const std::string kW = bytes_of<float>({1, 2, 3, 4, 5, 6});

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

template <class Call>
LoadError error_of(Call call) {
  try {
    call();
  } catch (const LoadError& error) {
    return error;
  }
  FAIL("no LoadError");
  return {"", "", std::nullopt, ""};
}

std::vector<StoredTensor> parse(const std::string& bytes) {
  return detail::parse_torch_file(std::as_bytes(std::span{bytes}), "f");
}

LoadError parse_error(const std::string& bytes) {
  return error_of([&] { (void)parse(bytes); });
}

std::string archive_of_pickle(const std::string& pickle) { return zip_of({{"m/data.pkl", pickle}, {"m/data/w", kW}}); }

/// The bytes of the elements in row-major order.
std::string elements_of(const StoredTensor& tensor) {
  const auto size = bits_of(tensor.type) / 8;
  std::string bytes;
  std::vector<std::int64_t> at(tensor.shape.size());
  for (std::int64_t i = 0; i < tensor.num_elements(); ++i) {
    std::int64_t place = tensor.strides.empty() ? i : 0;
    for (std::size_t d = 0; d < tensor.strides.size(); ++d) place += at[d] * tensor.strides[d];
    bytes.append(reinterpret_cast<const char*>(tensor.data.data()) + static_cast<std::size_t>(place) * size, size);
    for (std::size_t d = at.size(); d-- > 0 && ++at[d] == tensor.shape[d];) at[d] = 0;
  }
  return bytes;
}

}  // namespace

// ---- files that torch wrote

TEST_CASE("every form of checkpoint holds the tensors that were saved", "[weights][torch]") {
  const std::string name = GENERATE("zip", "zip_protocol_4", "zip_dict", "zip64", "stream", "stream_protocol_4");
  CAPTURE(name);
  const auto file = detail::open_torch_file(kData / (name + ".bin"));
  const auto expected = Safetensors::open_file(kData / "expected.safetensors");
  CHECK(file.tensors.size() == expected.tensors().size());
  for (const auto& wanted : expected.tensors()) {
    CAPTURE(wanted.name);
    const auto* found = detail::find_in(file.tensors, wanted.name);
    REQUIRE(found != nullptr);
    CHECK(found->type == wanted.type);
    CHECK(found->shape == wanted.shape);
    CHECK(found->file == (kData / (name + ".bin")).string());
    CHECK(elements_of(*found) == elements_of(wanted));
  }
}

TEST_CASE("tensors that share a storage lie at one place, without a copy", "[weights][torch]") {
  const std::string name = GENERATE("zip", "stream");
  const auto file = detail::open_torch_file(kData / (name + ".bin"));
  const auto& tied = *detail::find_in(file.tensors, "tied.0");
  CHECK(tied.data.data() == detail::find_in(file.tensors, "tied.1")->data.data());
  CHECK(tied.data.data() + 48 == detail::find_in(file.tensors, "view.row")->data.data());
  CHECK(detail::find_in(file.tensors, "view.row")->strides.empty());
  CHECK(detail::find_in(file.tensors, "view.transposed")->strides == std::vector<std::int64_t>{1, 6});
}

TEST_CASE("parameters are tensors, also of types that came later", "[weights][torch]") {
  for (const std::string name : {"parameters", "parameters_stream"}) {
    const auto file = detail::open_torch_file(kData / (name + ".bin"));
    REQUIRE(file.tensors.size() == 1);
    CHECK(elements_of(file.tensors[0]) == bytes_of<float>({1, 2}));
  }
  const auto newer = detail::open_torch_file(kData / "newer_types.bin");
  CHECK(detail::find_in(newer.tensors, "u")->type == ElementType::u16);
  CHECK(elements_of(*detail::find_in(newer.tensors, "u")) == std::string("\7\0", 2));
  CHECK(detail::find_in(newer.tensors, "w")->type == ElementType::f8_e4m3);
}

TEST_CASE("a file that is no checkpoint of tensors is an error that says what it is", "[weights][torch]") {
  struct Row {
    std::string name, item, problem;
  };
  const auto row = GENERATE(values<Row>({
      {"compressed", "archive/", "is compressed in the archive"},
      {"encrypted", "archive/", "is encrypted in the archive"},
      {"big_endian", "archive/byteorder", "saved by a big-endian machine"},
      {"storage_missing", "archive/data/0", "is not in the archive"},
      {"storage_short", "w", "has a storage of 4 bytes, but the pickle says 8"},
      {"no_pickle", "data.pkl", "is a zip archive, but not a checkpoint of torch"},
      {"call", "", "asks for posix.system, which"},
      {"call_stream", "", "asks for posix.system, which"},
      {"module", "", "asks for torch.nn.modules.linear.Linear, which"},
      {"module_stream", "", "asks for torch.nn.modules.linear.Linear, which"},
      {"nested", "state_dict", "is not a tensor"},
      {"tensor_alone", "", "is a pickle, but not of a dictionary of tensors"},
      {"sparse", "", "asks for torch._utils._rebuild_sparse_tensor"},
      {"plain_pickle", "", "is a pickle, but not a checkpoint of torch"},
      {"tar", "", "is a tar archive, as torch before 0.1.10 wrote"},
      {"script", "archive/constants.pkl", "is a TorchScript program"},
  }));
  CAPTURE(row.name);
  const auto file = (kData / (row.name + ".bin")).string();
  const auto error = error_of([&] { (void)detail::open_torch_file(file); });
  CAPTURE(error.what());
  CHECK(error.file == file);
  CHECK(error.item.starts_with(row.item));
  CHECK(contains(error.what(), row.problem));
  CHECK(!fs::exists("evil-was-here"));
}

TEST_CASE("a checkpoint that is missing, empty, a pointer or of another kind is an error", "[weights][torch]") {
  const TemporaryFolder folder;
  const auto problem = [&](const std::string& bytes) {
    const auto file = folder.write("pytorch_model.bin", bytes);
    return std::string(error_of([&] { (void)detail::open_torch_file(file); }).what());
  };
  CHECK(contains(error_of([&] { (void)detail::open_torch_file(folder.path() / "x.bin"); }).what(), "is not there"));
  CHECK(contains(problem(""), "is empty"));
  CHECK(contains(problem("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), "run git lfs pull"));
  CHECK(contains(problem("<html>"), "neither a zip archive nor a stream of pickles"));
  CHECK(contains(problem(std::string(600, '\0')), "neither a zip archive nor a stream of pickles"));
}

// ---- files made here

TEST_CASE("a file that is cut anywhere is an error of one line, in either form", "[weights][torch]") {
  const std::vector<TorchTensor> tensors{{"a", {2, 3}, kW}, {"b", {6}, kW}};
  const auto whole = GENERATE_COPY(torch_zip_of(tensors), torch_stream_of(tensors));
  CHECK(parse(whole).size() == 2);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const auto error = parse_error(whole.substr(0, length));
    if (error.file != "f" || contains(error.what(), "\n") || error.byte_offset > length) FAIL(length);
  }
}

TEST_CASE("a byte that is wrong anywhere never leads outside of the file", "[weights][torch]") {
  const std::vector<TorchTensor> tensors{{"a", {2, 3}, kW}, {"b", {6}, kW}};
  auto bytes = GENERATE_COPY(torch_zip_of(tensors), torch_stream_of(tensors));
  for (auto& byte : bytes)
    for (const auto wrong : {'\0', '\1', '\x7f', '\xff', static_cast<char>(byte ^ 1)}) {
      const auto before = std::exchange(byte, wrong);
      try {
        for (const auto& tensor : parse(bytes))
          if (tensor.file_offset + tensor.data.size() > bytes.size()) FAIL(tensor.name);
      } catch (const LoadError&) {
      }
      byte = before;
    }
}

TEST_CASE("a tensor that is not within its storage is an error that names it", "[weights][torch]") {
  const auto tensor = GENERATE(values<TorchTensor>({
      {.name = "w", .shape = {7}, .data = kW},
      {.name = "w", .shape = {6}, .data = kW, .first = 1},
      {.name = "w", .shape = {2, 3}, .data = kW, .strides = {4, 1}},
      {.name = "w", .shape = {1}, .data = kW, .first = std::int64_t{1} << 62},
      {.name = "w", .shape = {-1}, .data = kW},
      {.name = "w", .shape = {2}, .data = kW, .strides = {-1}},
      {.name = "w", .shape = {2}, .data = kW, .strides = {std::int64_t{1} << 62}},
      {.name = "w", .shape = {3}, .data = kW, .strides = {std::int64_t{1} << 62}},
      {.name = "w", .shape = {std::int64_t{1} << 40, std::int64_t{1} << 40}, .data = kW, .strides = {0, 0}},
      {.name = "w", .shape = {2, 3}, .data = kW, .strides = {1}},
      {.name = "w", .shape = std::vector<std::int64_t>(65, 1), .data = kW},
  }));
  for (const auto& bytes : {torch_zip_of({tensor}), torch_stream_of({tensor})}) {
    const auto error = parse_error(bytes);
    CAPTURE(error.what());
    CHECK(error.item == "w");
    CHECK(error.byte_offset.has_value());
  }
}

TEST_CASE("storages may be parts of others, as old files have them", "[weights][torch]") {
  const auto file_with = [](const std::string& view) {
    auto bytes = torch_stream_of({{"w", {2}, kW}});
    const auto at = bytes.find("NtQ");
    return bytes.replace(at, 1, view);
  };
  const auto part = [](std::int64_t begin, std::int64_t length) {
    return "(" + pickled("v") + pickled(begin) + pickled(length) + "t";
  };
  CHECK(elements_of(parse(file_with(part(3, 2)))[0]) == bytes_of<float>({4, 5}));
  CHECK(contains(parse_error(file_with(part(3, 1))).what(), "not within its storage of 4 bytes"));
  CHECK(contains(parse_error(file_with(part(5, 2))).what(), "a part of a storage that is not within it"));
  CHECK(contains(parse_error(file_with(")")).what(), "without its place"));
}

TEST_CASE("what Python 2 wrote is read", "[weights][torch]") {
  const TorchTensor w{"w", {6}, kW};
  const auto pickle =
      "\x80\x02"
      "ccollections\nOrderedDict\n((](U\x01w" +
      pickled(w, false) + "eltR.";
  const auto archive = archive_of_pickle(pickle);  // which the tensors point into
  const auto tensors = parse(archive);
  REQUIRE(tensors.size() == 1);
  CHECK(elements_of(tensors[0]) == kW);
}

TEST_CASE("a pickle with wrong operations is an error with their place", "[weights][torch]") {
  const std::string start = "\x80\x02";
  struct Row {
    std::string pickle, problem;
  };
  const auto row = GENERATE(values<Row>({
      {"N.", "is not a pickle of protocol 2"},
      {"\x80\x02.", "takes from an empty stack"},
      {"\x80\x02}(.", "takes from an empty stack"},
      {"\x80\x02u.", "ends what was not begun"},
      {"\x80\x02}(Nu.", "a key without a value"},
      {"\x80\x02"
       "NNR.",
       "a value of the wrong kind"},
      {"\x80\x02"
       "N)R.",
       "a value of the wrong kind"},
      {"\x80\x02N(NNu.", "items for what holds none"},
      {"\x80\x02h\x05.", "uses the value 5, which was not stored"},
      {"\x80\x02Nr\xff\xff\xff\xff.", "stores a value under the number 4294967295, out of order"},
      {"\x80\x02X\xff\xff\xff\xff", "a text of 4294967295 bytes"},
      {"\x80\x02U\x05wx", "ends too early"},
      {"\x80\x02U\x02\xff\xfe.", "a text that is not UTF-8"},
      {"\x80\x02I1\n.", "operation 0x49 of a pickle, which no checkpoint needs"},
      {"\x80\x02"
       "cbuiltins\neval\n.",
       "asks for builtins.eval, which"},
      {"\x80\x02}(K\x01Nu.", "a key that is not a text"},
      {"\x80\x02}N}b.", "attributes of what has none"},
      {"\x80\x02}(U\x01wNU\x01wNu.", "is not a tensor"},
  }));
  const auto error = parse_error(archive_of_pickle(row.pickle));
  CAPTURE(error.what());
  CHECK(contains(error.what(), row.problem));
  CHECK(error.file == "f");
}

TEST_CASE("names that are put together on the stack are looked up as well", "[weights][torch]") {
  const auto pickle =
      "\x80\x04" + pickled("os") + pickled("system") + "\x93" + pickled("touch evil-was-here") + "\x85R.";
  CHECK(contains(parse_error(archive_of_pickle(pickle)).what(), "asks for os.system, which"));
  CHECK(!fs::exists("evil-was-here"));
}

TEST_CASE("a tensor's name twice is an error", "[weights][torch]") {
  const auto error =
      parse_error(torch_stream_of({{"w", {6}, kW}, {.name = "w", .shape = {6}, .data = kW, .in_storage_of = "w"}}));
  CHECK(error.item == "w");
  CHECK(contains(error.what(), "is there twice"));
}

TEST_CASE("a pickle that holds itself is an error, not a hang", "[weights][torch]") {
  CHECK(contains(parse_error(archive_of_pickle("\x80\x02}q\x01(U\x01wh\x01u.")).what(), "is not a tensor"));
  CHECK(contains(parse_error(archive_of_pickle("\x80\x02"
                                               "ccollections\nOrderedDict\n]q\x01(h\x01h\x01"
                                               "e\x85R."))
                     .what(),
                 "a key that is not a text"));
}

TEST_CASE("a pickle that asks for more memory than a checkpoint needs is refused", "[weights][torch]") {
  const auto many = std::string(5'000'000, '(');
  CHECK(contains(parse_error(archive_of_pickle("\x80\x02" + many)).what(), "more than 4194304 objects"));
  const auto lists = std::string(5'000'000, ']');
  CHECK(contains(parse_error(archive_of_pickle("\x80\x02" + lists)).what(), "more than 4194304 objects"));
  const auto text = std::string("\x80\x02X\0\0\x20\0", 7) + std::string(1 << 21, 'x') + ".";
  CHECK(contains(parse_error(archive_of_pickle(text)).what(), "a text of 2097152 bytes"));
}

TEST_CASE("a damaged archive is an error that says where", "[weights][torch]") {
  const auto good = torch_zip_of({{"w", {6}, kW}});
  const auto end = good.size() - 22;
  const auto with = [&](std::size_t at, const std::string& bytes) {
    return std::string(good).replace(at, bytes.size(), bytes);
  };
  CHECK(contains(parse_error(with(end, "XX")).what(), "a zip archive without an end"));
  CHECK(contains(parse_error(with(end + 4, "\1")).what(), "is one part of several"));
  CHECK(contains(parse_error(with(end + 16, "\xff\xff\xff\x7f")).what(), "list of files is not within it"));
  CHECK(contains(parse_error(with(end + 10, "\xff")).what(), "list of files is wrong"));
  CHECK(contains(parse_error(zip_of({{"m/data.pkl", torch_pickle_of({})}, {"m/data.pkl", ""}})).what(),
                 "is in the archive twice"));
  CHECK(contains(parse_error(with(0, "PK\3\5")).what(), "neither a zip"));
  CHECK(parse(with(end + 20, std::string("\3\0", 2)) + "abc").size() == 1);  // with a comment
}
