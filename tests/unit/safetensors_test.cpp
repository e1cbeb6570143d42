// SPDX-License-Identifier: Apache-2.0
#include "modelpool/weights/safetensors.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "modelpool/error.hpp"
#include "support/catch.hpp"
#include "support/safetensors_bytes.hpp"
#include "support/temporary_folder.hpp"

using namespace modelpool;
using modelpool::test::bytes_of;
using modelpool::test::safetensors_bytes;
using modelpool::test::safetensors_of;
using modelpool::test::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

Safetensors parse(const std::string& bytes) {
  return Safetensors::parse(std::as_bytes(std::span{bytes}), "f.safetensors");
}

/// The error that opening gives; the test fails where it gives none.
template <class Open>
LoadError error_of(Open open) {
  try {
    (void)open();
  } catch (const LoadError& error) {
    return error;
  }
  FAIL("no LoadError");
  return {"", "", std::nullopt, ""};
}

LoadError error_of_bytes(const std::string& bytes) {
  return error_of([&] { return parse(bytes); });
}

/// The error for a file of this header and that many bytes of data.
LoadError error_of_header(const std::string& header, std::size_t data_bytes = 0) {
  return error_of_bytes(safetensors_bytes(header, std::string(data_bytes, '\0')));
}

std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

float first_float(const StoredTensor& tensor) {
  float value = 0;
  REQUIRE(tensor.data.size() >= sizeof value);
  std::memcpy(&value, tensor.data.data(), sizeof value);
  return value;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

// ---- what is read

TEST_CASE("a file gives its tensors by name, with type, shape, data and place", "[safetensors]") {
  const TemporaryFolder folder;
  const auto file =
      folder.write("model.safetensors", safetensors_of({{"w", {2, 3}, {1, 2, 3, 4, 5, 6}}, {"b", {1}, {7}}}));
  const auto tensors = Safetensors::open_file(file);
  REQUIRE(tensors.tensors().size() == 2);
  CHECK(tensors.tensors()[0].name == "b");  // sorted
  const auto* w = tensors.find("w");
  REQUIRE(w != nullptr);
  CHECK(w->type == ElementType::f32);
  CHECK(w->shape == std::vector<std::int64_t>{2, 3});
  CHECK(w->num_elements() == 6);
  CHECK(w->file == file.string());
  CHECK(w->file_offset == fs::file_size(file) - 7 * sizeof(float));
  CHECK(w->aligned());
  CHECK(first_float(*w) == 1.0F);
  CHECK(tensors.find("x") == nullptr);
  CHECK(tensors.total_bytes() == 28);
}

TEST_CASE("a tensor keeps its file mapped after everything else is gone", "[safetensors]") {
  const TemporaryFolder folder;
  const auto file = folder.write("model.safetensors", safetensors_of({{"w", {1}, {42}}}));
  const StoredTensor tensor = *Safetensors::open_file(file).find("w");
  fs::remove(file);
  CHECK(first_float(tensor) == 42.0F);
}

TEST_CASE("released pages are read again when they are touched", "[safetensors]") {
  const TemporaryFolder folder;
  const std::vector<float> values(5000, 3.0F);
  const auto tensors =
      Safetensors::open_file(folder.write("model.safetensors", safetensors_of({{"w", {5000}, values}})));
  const auto* w = tensors.find("w");
  CHECK(first_float(*w) == 3.0F);
  w->release_pages();
  CHECK(std::memcmp(w->data.data(), values.data(), w->data.size()) == 0);
}

TEST_CASE("every element type of the format is read with its size", "[safetensors]") {
  struct Row {
    const char* name;
    ElementType type;
    std::size_t bits;
  };
  const auto row = GENERATE(values<Row>({{"BOOL", ElementType::boolean, 8},
                                         {"F4", ElementType::f4, 4},
                                         {"F6_E2M3", ElementType::f6_e2m3, 6},
                                         {"F6_E3M2", ElementType::f6_e3m2, 6},
                                         {"U8", ElementType::u8, 8},
                                         {"I8", ElementType::i8, 8},
                                         {"F8_E5M2", ElementType::f8_e5m2, 8},
                                         {"F8_E4M3", ElementType::f8_e4m3, 8},
                                         {"F8_E8M0", ElementType::f8_e8m0, 8},
                                         {"F8_E4M3FNUZ", ElementType::f8_e4m3fnuz, 8},
                                         {"F8_E5M2FNUZ", ElementType::f8_e5m2fnuz, 8},
                                         {"I16", ElementType::i16, 16},
                                         {"U16", ElementType::u16, 16},
                                         {"F16", ElementType::f16, 16},
                                         {"BF16", ElementType::bf16, 16},
                                         {"I32", ElementType::i32, 32},
                                         {"U32", ElementType::u32, 32},
                                         {"F32", ElementType::f32, 32},
                                         {"C64", ElementType::c64, 64},
                                         {"F64", ElementType::f64, 64},
                                         {"I64", ElementType::i64, 64},
                                         {"U64", ElementType::u64, 64}}));
  CAPTURE(row.name);
  const auto size = row.bits;  // 8 elements
  const auto tensors = parse(safetensors_bytes(
      R"({"t":)" + entry(row.name, "[8]", "[0," + std::to_string(size) + "]") + "}", std::string(size, 'x')));
  const auto* t = tensors.find("t");
  REQUIRE(t != nullptr);
  CHECK(t->type == row.type);
  CHECK(to_string(t->type) == row.name);
  CHECK(bits_of(t->type) == row.bits);
  CHECK(t->data.size() == size);
  CHECK(t->num_elements() == 8);
}

TEST_CASE("scalars, empty tensors and files without tensors are read", "[safetensors]") {
  const auto header = R"({"empty":)" + entry("F32", "[0,4]", "[0,0]") + R"(,"scalar":)" + entry("F32", "[]", "[0,4]") +
                      R"(,"end":)" + entry("I8", "[3,0]", "[4,4]") + "}";
  const auto bytes = safetensors_bytes(header, "abcd");
  const auto tensors = parse(bytes);
  CHECK(tensors.find("scalar")->shape.empty());
  CHECK(tensors.find("scalar")->num_elements() == 1);
  CHECK(tensors.find("empty")->num_elements() == 0);
  CHECK(tensors.find("end")->data.empty());
  CHECK(parse(safetensors_bytes("{}")).tensors().empty());
}

TEST_CASE("metadata is given as it is, and null metadata is none", "[safetensors]") {
  const auto tensors = parse(safetensors_bytes(R"({"__metadata__":{"format":"pt","":"x"}})"));
  CHECK(tensors.metadata().at("format") == "pt");
  CHECK(tensors.metadata().at("") == "x");
  CHECK(parse(safetensors_bytes(R"({"__metadata__":null})")).metadata().empty());
}

TEST_CASE("spaces after the header and unknown members of an entry are passed over", "[safetensors]") {
  const auto bytes = safetensors_bytes(
      R"({"t":{"new":{"a":[1,{"dtype":-2.5}],"b":null},"dtype":"I8","more":[[true]],"shape":[1],"data_offsets":[0,1]}}     )",
      "x");
  CHECK(parse(bytes).find("t")->data.size() == 1);
}

TEST_CASE("data that is not aligned to its elements is reported so", "[safetensors]") {
  const auto shift = GENERATE(std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{4}, std::size_t{8});
  CAPTURE(shift);
  const auto place = "[" + std::to_string(shift) + "," + std::to_string(shift + 8) + "]";
  const auto aligned = [&](const std::string& type, const std::string& shape) {
    std::string header = R"({"pad":)" +
                         entry("U8", "[" + std::to_string(shift) + "]", "[0," + std::to_string(shift) + "]") +
                         R"(,"t":)" + entry(type, shape, place) + "}";
    header.resize((header.size() + 7) / 8 * 8, ' ');
    const TemporaryFolder folder;  // a map begins at a page
    const auto file = folder.write("f.safetensors", safetensors_bytes(header, std::string(shift + 8, 'x')));
    return Safetensors::open_file(file).find("t")->aligned();
  };
  CHECK(aligned("U8", "[8]"));
  CHECK(aligned("F4", "[16]"));
  CHECK(aligned("BF16", "[4]") == (shift % 2 == 0));
  CHECK(aligned("F32", "[2]") == (shift % 4 == 0));
  CHECK(aligned("C64", "[1]") == (shift % 4 == 0));
  CHECK(aligned("F64", "[1]") == (shift % 8 == 0));
}

// ---- what is refused

TEST_CASE("a file too short for its header is an error that says where it ends", "[safetensors]") {
  CHECK(contains(error_of_bytes("").what(), "is empty"));
  const auto seven = error_of_bytes("1234567");
  CHECK(seven.byte_offset == 7U);
  CHECK(contains(seven.what(), "truncated"));
  auto cut = safetensors_of({{"w", {1}, {1}}});
  cut.resize(20);
  const auto error = error_of_bytes(cut);
  CHECK(error.byte_offset == 20U);
  CHECK(contains(error.what(), "ends after the file"));
}

TEST_CASE("an absurd header length is an error and not an allocation", "[safetensors]") {
  const auto length = GENERATE(std::uint64_t{100'000'001}, std::uint64_t{1} << 63, ~std::uint64_t{0});
  std::string bytes(16, ' ');
  std::memcpy(bytes.data(), &length, sizeof length);
  CHECK(contains(error_of_bytes(bytes).what(),
                 "is not a safetensors file: its header would have " + std::to_string(length)));
}

TEST_CASE("a truncated file names the tensor that it cuts and the byte where its data begins", "[safetensors]") {
  auto bytes = safetensors_of({{"a", {2}, {1, 2}}, {"b", {2}, {3, 4}}});
  const auto full = bytes.size();
  bytes.resize(full - 1);
  const auto error = error_of_bytes(bytes);
  CHECK(error.file == "f.safetensors");
  CHECK(error.item == "b");
  CHECK(error.byte_offset == full - 8);
  CHECK(contains(error.what(), "truncated"));
}

TEST_CASE("bytes that belong to no tensor are an error, before, between and after", "[safetensors]") {
  CHECK(contains(error_of_header(R"({"a":)" + entry("I8", "[1]", "[1,2]") + "}", 2).what(),
                 "1 bytes before this tensor belong to none"));
  const auto between =
      error_of_header(R"({"b":)" + entry("I8", "[1]", "[3,4]") + R"(,"a":)" + entry("I8", "[1]", "[0,1]") + "}", 4);
  CHECK(between.item == "b");
  CHECK(contains(between.what(), "2 bytes before"));
  CHECK(contains(error_of_header(R"({"a":)" + entry("I8", "[1]", "[0,1]") + "}", 9).what(),
                 "8 bytes after the last tensor belong to none"));
}

TEST_CASE("overlapping tensors are an error that names both", "[safetensors]") {
  const auto error =
      error_of_header(R"({"a":)" + entry("I8", "[4]", "[0,4]") + R"(,"b":)" + entry("I8", "[4]", "[2,6]") + "}", 6);
  CHECK(error.item == "b");
  CHECK(contains(error.what(), "overlap with \"a\""));
}

TEST_CASE("the same place for two tensors is an overlap", "[safetensors]") {
  CHECK(contains(
      error_of_header(R"({"a":)" + entry("I8", "[4]", "[0,4]") + R"(,"b":)" + entry("I8", "[4]", "[0,4]") + "}", 4)
          .what(),
      "overlap"));
}

TEST_CASE("offsets that run backwards or out of the file are errors", "[safetensors]") {
  CHECK(contains(error_of_header(R"({"a":)" + entry("I8", "[1]", "[1,0]") + "}", 1).what(), "backwards"));
  CHECK(contains(error_of_header(R"({"a":)" + entry("I8", "[2]", "[0,2]") + "}", 1).what(),
                 "end after the file's 1 bytes"));
  const auto huge =
      error_of_header(R"({"a":)" + entry("I8", "[1]", "[18446744073709551614,18446744073709551615]") + "}", 1);
  CHECK(contains(huge.what(), "end after the file's"));
  CHECK(huge.item == "a");
}

TEST_CASE("a shape that does not fit its bytes is an error with both sizes", "[safetensors]") {
  const auto error = error_of_header(R"({"a":)" + entry("F32", "[2,2]", "[0,12]") + "}", 12);
  CHECK(contains(error.what(), "shape [2, 2] of F32 needs 16 bytes, but data_offsets [0, 12] hold 12"));
  CHECK(
      contains(error_of_header(R"({"a":)" + entry("F4", "[3]", "[0,2]") + "}", 2).what(), "does not fill whole bytes"));
  CHECK(contains(error_of_header(R"({"a":)" + entry("F6_E2M3", "[2]", "[0,2]") + "}", 2).what(),
                 "does not fill whole bytes"));
}

TEST_CASE("a shape whose size overflows is an error, also where a later dimension is 0", "[safetensors]") {
  const std::string shape = GENERATE("[4294967296,4294967296]", "[9223372036854775807,2]",
                                     "[9223372036854775807,9223372036854775807,0]", "[2305843009213693952]");
  CAPTURE(shape);
  CHECK(contains(error_of_header(R"({"a":)" + entry("F64", shape, "[0,0]") + "}").what(), "overflows"));
}

TEST_CASE("dimensions and offsets that are no whole numbers from 0 are errors", "[safetensors]") {
  const std::string number =
      GENERATE("-1", "-0", "1.0", "1e3", "18446744073709551616", "1e400", "null", "true", "\"1\"", "[1]", "{}");
  CAPTURE(number);
  const auto in_shape = error_of_header(R"({"a":)" + entry("I8", "[" + number + "]", "[0,1]") + "}", 1);
  CHECK(contains(in_shape.what(),
                 number == "1e400" ? "not JSON" : "where a dimension (a whole number from 0) is expected"));
  const auto in_offsets = error_of_header(R"({"a":)" + entry("I8", "[1]", "[0," + number + "]") + "}", 1);
  CHECK(contains(in_offsets.what(),
                 number == "1e400" ? "not JSON" : "where a data offset (a whole number from 0) is expected"));
}

TEST_CASE("a dimension beyond the largest signed number is an error", "[safetensors]") {
  CHECK(contains(error_of_header(R"({"a":)" + entry("I8", "[9223372036854775808]", "[0,1]") + "}", 1).what(),
                 "dimension 9223372036854775808 is too large"));
}

TEST_CASE("more than 64 dimensions are an error", "[safetensors]") {
  std::string shape = "[1";
  for (int i = 0; i < 64; ++i) shape += ",1";
  CHECK(contains(error_of_header(R"({"a":)" + entry("I8", shape + "]", "[0,1]") + "}", 1).what(),
                 "more than 64 dimensions"));
}

TEST_CASE("an unknown dtype is an error that names it", "[safetensors]") {
  const auto error = error_of_header(R"({"a":)" + entry("F12", "[1]", "[0,1]") + "}", 1);
  CHECK(error.item == "a");
  CHECK(contains(error.what(), "dtype \"F12\""));
}

TEST_CASE("a missing member of an entry is an error that names it", "[safetensors]") {
  CHECK(contains(error_of_header(R"({"a":{"shape":[1],"data_offsets":[0,1]}})", 1).what(), "has no dtype"));
  CHECK(contains(error_of_header(R"({"a":{"dtype":"I8","data_offsets":[0,1]}})", 1).what(), "has no shape"));
  CHECK(contains(error_of_header(R"({"a":{"dtype":"I8","shape":[1]}})", 1).what(), "has no data_offsets"));
  CHECK(contains(error_of_header(R"({"a":{"dtype":"I8","shape":[1],"data_offsets":[0]}})", 1).what(),
                 "data_offsets is not two numbers"));
  CHECK(contains(error_of_header(R"({"a":{"dtype":"I8","shape":[1],"data_offsets":[0,1,1]}})", 1).what(),
                 "data_offsets is not two numbers"));
}

TEST_CASE("a key that is there twice is an error on every level", "[safetensors]") {
  const auto tensor =
      error_of_header(R"({"a":)" + entry("I8", "[1]", "[0,1]") + R"(,"a":)" + entry("I8", "[1]", "[0,1]") + "}", 1);
  CHECK(tensor.item == "a");
  CHECK(contains(tensor.what(), "twice"));
  CHECK(contains(error_of_header(R"({"a":{"dtype":"I8","dtype":"I8","shape":[1],"data_offsets":[0,1]}})", 1).what(),
                 "\"dtype\" twice"));
  CHECK(contains(error_of_header(R"({"__metadata__":{"k":"1","k":"1"}})").what(), "\"k\" twice"));
  CHECK(contains(error_of_header(R"({"__metadata__":{},"__metadata__":{}})").what(), "twice"));
}

TEST_CASE("metadata that is not an object of strings is an error", "[safetensors]") {
  const std::string metadata =
      GENERATE("[]", "1", "\"x\"", "true", R"({"k":1})", R"({"k":{}})", R"({"k":null})", R"({"k":["x"]})");
  CAPTURE(metadata);
  const auto error = error_of_header(R"({"__metadata__":)" + metadata + "}");
  CHECK(error.item == "__metadata__");
  CHECK(contains(error.what(), "string"));
}

TEST_CASE("an entry that is no object is an error", "[safetensors]") {
  const std::string value = GENERATE("null", "1", "[]", "\"x\"", "false");
  CAPTURE(value);
  const auto error = error_of_header(R"({"a":)" + value + "}");
  CHECK(error.item == "a");
  CHECK(contains(error.what(), "an object with dtype, shape and data_offsets"));
}

TEST_CASE("a header that is not JSON is an error at its byte", "[safetensors]") {
  struct Row {
    std::string header;
    std::optional<std::uint64_t> offset;
  };
  const auto row = GENERATE(values<Row>({{"{", 9},
                                         {"{]", 9},
                                         {"{\"a\":}", 13},
                                         {"{\"a\" 1}", 13},
                                         {"{} x", 11},
                                         {"{}{}", 10},
                                         {"{\"a", 11},
                                         {"{\"\\x\"}", 11},
                                         {std::string("{}\0\0", 4), 10}}));
  CAPTURE(row.header);
  const auto error = error_of_header(row.header);
  CHECK(contains(error.what(), "is not JSON"));
  CHECK(error.byte_offset == row.offset);
}

TEST_CASE("a header that does not begin with a brace is not a safetensors file", "[safetensors]") {
  const std::string header = GENERATE("", " {}", "[]", "\xEF\xBB\xBF{}", "null", "PK\x03\x04");
  CHECK(contains(error_of_header(header).what(), "its header does not begin with {"));
}

TEST_CASE("a header that is not UTF-8 is an error at the bad byte", "[safetensors]") {
  const std::string bad = GENERATE("\xFF", "\x80", "\xC0\xAF", "\xC3", "\xE0\x9F\xBF", "\xED\xA0\x80",
                                   "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80");
  const auto error = error_of_header("{\"n" + bad + "\":" + entry("I8", "[1]", "[0,1]") + "}", 1);
  CHECK(contains(error.what(), "is not UTF-8"));
  CHECK(error.byte_offset == 11U);
}

TEST_CASE("nesting of any depth neither overflows the stack nor is accepted", "[safetensors]") {
  const auto deep = std::string(1'000'000, '[');
  CHECK(contains(error_of_header("{\"a\":{\"x\":" + deep).what(), "is not JSON"));
  CHECK(contains(error_of_header("{\"a\":" + deep).what(), "an array where an object with dtype"));
}

TEST_CASE("names from a file are shown on one line and cut", "[safetensors]") {
  const auto error = error_of_header(R"({"a\nb":1})");
  CHECK(error.item == "a\\nb");
  CHECK(std::string(error.what()).find('\n') == std::string::npos);
  CHECK(error_of_header("{\"" + std::string(100'000, 'n') + "\":1}").item.size() < 200);
}

TEST_CASE("the pointer that git-LFS leaves is named as such", "[safetensors]") {
  const std::string pointer =
      "version https://git-lfs.github.com/spec/v1\noid "
      "sha256:53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db\nsize 90868376\n";
  const TemporaryFolder folder;
  folder.write("model.safetensors", pointer);
  CHECK(contains(error_of([&] { return Safetensors::open_folder(folder.path()); }).what(),
                 "this is a git-LFS pointer, not the file itself; run git lfs pull"));
  const TemporaryFolder sharded;
  sharded.write("model.safetensors.index.json", pointer);
  CHECK(contains(error_of([&] { return Safetensors::open_folder(sharded.path()); }).what(), "git lfs pull"));
}

// ---- files

TEST_CASE("a folder in place of a file, a pipe and an absent file are named as such", "[safetensors]") {
  const TemporaryFolder folder;
  const auto file = folder.path() / "model.safetensors";
  CHECK(contains(error_of([&] { return Safetensors::open_file(file); }).what(), "is not there"));
  CHECK(contains(error_of([&] { return Safetensors::open_folder(folder.path()); }).what(),
                 "has neither model.safetensors nor model.safetensors.index.json"));
  CHECK(
      contains(error_of([&] { return Safetensors::open_folder(folder.path() / "absent"); }).what(), "is not a folder"));
  fs::create_directory(file);
  CHECK(contains(error_of([&] { return Safetensors::open_folder(folder.path()); }).what(),
                 "is a directory where a file is expected"));
  fs::remove(file);
  REQUIRE(::mkfifo(file.c_str(), 0600) == 0);
  CHECK(contains(error_of([&] { return Safetensors::open_file(file); }).what(), "is not a regular file"));
}

TEST_CASE("an empty file is named as such", "[safetensors]") {
  const TemporaryFolder folder;
  const auto file = folder.write("model.safetensors", "");
  CHECK(contains(error_of([&] { return Safetensors::open_file(file); }).what(), "is empty"));
}

TEST_CASE("a file that this user must not read is named as such", "[safetensors]") {
  constexpr uid_t kNobody = 65534;
  const TemporaryFolder folder;
  const auto file = folder.write("model.safetensors", safetensors_of({{"w", {1}, {1}}}));
  fs::permissions(folder.path(), fs::perms::all);
  fs::permissions(file, fs::perms::none);
  const auto user = ::geteuid();
  if (user == 0 && ::seteuid(kNobody) != 0) SKIP("root may read every file, and cannot become another user here");
  const auto error = error_of([&] { return Safetensors::open_file(file); });
  if (user == 0) REQUIRE(::seteuid(user) == 0);
  CHECK(contains(error.what(), "permission denied"));
}

TEST_CASE("symbolic links may leave the folder, but neither loop nor dangle", "[safetensors]") {
  const TemporaryFolder blobs;
  const TemporaryFolder folder;
  const auto link = folder.path() / "model.safetensors";
  fs::create_symlink(blobs.write("0123abcd", safetensors_of({{"w", {1}, {5}}})), link);
  CHECK(first_float(*Safetensors::open_folder(folder.path()).find("w")) == 5.0F);

  fs::remove(link);
  fs::create_symlink(blobs.path() / "gone", link);
  CHECK(contains(error_of([&] { return Safetensors::open_folder(folder.path()); }).what(),
                 "is a symbolic link to " + (blobs.path() / "gone").string()));

  fs::remove(link);
  fs::create_symlink("b.safetensors", link);
  fs::create_symlink("model.safetensors", folder.path() / "b.safetensors");
  CHECK(contains(error_of([&] { return Safetensors::open_folder(folder.path()); }).what(), "loop"));
}

TEST_CASE("two paths to one file have one identity, and a rewritten file another", "[safetensors]") {
  const TemporaryFolder folder;
  const auto file = folder.write("a.safetensors", safetensors_of({{"w", {1}, {1}}}));
  const auto link = folder.path() / "b.safetensors";
  fs::create_symlink(file, link);
  const auto first = Safetensors::open_file(file).identity()[0];
  CHECK(first == Safetensors::open_file(link).identity()[0]);
  fs::rename(folder.write("new", safetensors_of({{"w", {1}, {2}}})), file);
  CHECK(first != Safetensors::open_file(file).identity()[0]);
}

// ---- shards

namespace {

void write_two_shards(const TemporaryFolder& folder) {
  folder.write("model-00001-of-00002.safetensors", safetensors_of({{"a", {1}, {1}}, {"b", {1}, {2}}}));
  folder.write("model-00002-of-00002.safetensors", safetensors_of({{"c", {2}, {3, 4}}}));
  folder.write("model.safetensors.index.json",
               R"({"metadata":{"total_size":16,"x":[{}]},"weight_map":{"a":"model-00001-of-00002.safetensors",)"
               R"("b":"model-00001-of-00002.safetensors","c":"model-00002-of-00002.safetensors"}})");
}

LoadError error_of_index(const std::string& json) {
  const TemporaryFolder folder;
  folder.write("s.safetensors", safetensors_of({{"a", {1}, {1}}}));
  folder.write("model.safetensors.index.json", json);
  return error_of([&] { return Safetensors::open_folder(folder.path()); });
}

}  // namespace

TEST_CASE("shards are read as one set of tensors", "[safetensors]") {
  const TemporaryFolder folder;
  write_two_shards(folder);
  const auto tensors = Safetensors::open_folder(folder.path());
  REQUIRE(tensors.tensors().size() == 3);
  CHECK(first_float(*tensors.find("b")) == 2.0F);
  CHECK(first_float(*tensors.find("c")) == 3.0F);
  CHECK(tensors.identity().size() == 2);
  CHECK(tensors.total_bytes() == 16);
}

TEST_CASE("the single file wins over an index beside it", "[safetensors]") {
  const TemporaryFolder folder;
  write_two_shards(folder);
  folder.write("model.safetensors", safetensors_of({{"single", {1}, {1}}}));
  CHECK(Safetensors::open_folder(folder.path()).find("single") != nullptr);
}

TEST_CASE("a missing shard is named, with the index that asks for it", "[safetensors]") {
  const TemporaryFolder folder;
  write_two_shards(folder);
  fs::remove(folder.path() / "model-00002-of-00002.safetensors");
  const auto error = error_of([&] { return Safetensors::open_folder(folder.path()); });
  CHECK(error.file == (folder.path() / "model-00002-of-00002.safetensors").string());
  CHECK(contains(error.what(), "this shard is missing"));
}

TEST_CASE("a shard without a tensor that the index places there is an error", "[safetensors]") {
  const TemporaryFolder folder;
  write_two_shards(folder);
  folder.write("model-00002-of-00002.safetensors", safetensors_of({{"d", {1}, {1}}}));
  const auto error = error_of([&] { return Safetensors::open_folder(folder.path()); });
  CHECK(error.item == "c");
  CHECK(contains(error.what(), "is not in this shard"));
}

TEST_CASE("a tensor in two shards is an error", "[safetensors]") {
  const TemporaryFolder folder;
  write_two_shards(folder);
  folder.write("model-00002-of-00002.safetensors", safetensors_of({{"c", {2}, {3, 4}}, {"a", {1}, {1}}}));
  const auto error = error_of([&] { return Safetensors::open_folder(folder.path()); });
  CHECK(error.item == "a");
  CHECK(contains(error.what(), "is also in"));
}

TEST_CASE("a wrong index is an error that names the key", "[safetensors]") {
  CHECK(contains(error_of_index("").what(), "not JSON"));
  CHECK(contains(error_of_index("{").what(), "not JSON"));
  CHECK(contains(error_of_index("[]").what(), "an array where an object with weight_map is expected"));
  CHECK(contains(error_of_index("{}").what(), "weight_map: is missing or names no tensor"));
  CHECK(contains(error_of_index(R"({"weight_map":{}})").what(), "names no tensor"));
  CHECK(error_of_index(R"({"weight_map":[]})").item == "weight_map");
  CHECK(error_of_index(R"({"weight_map":1})").item == "weight_map");
  CHECK(error_of_index(R"({"weight_map":{"a":1}})").item == "a");
  CHECK(error_of_index(R"({"weight_map":{"a":{}}})").item == "a");
  CHECK(contains(error_of_index(R"({"weight_map":{"a":"s.safetensors","a":"s.safetensors"}})").what(), "twice"));
  CHECK(contains(error_of_index(R"({"weight_map":{"a":"s.safetensors"},"weight_map":{}})").what(), "twice"));
}

TEST_CASE("an index cannot name files outside its folder", "[safetensors]") {
  const std::string shard = GENERATE("", ".", "..", "../s.safetensors", "/etc/passwd", "a/s.safetensors", "a\\u0000b");
  CAPTURE(shard);
  const auto error = error_of_index(R"({"weight_map":{"a":")" + shard + R"("}})");
  CHECK(error.item == "a");
  CHECK(contains(error.what(), "is not the name of a file beside the index"));
}
