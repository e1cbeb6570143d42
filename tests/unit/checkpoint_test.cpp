// SPDX-License-Identifier: Apache-2.0
#include "weights/checkpoint.hpp"

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "modelpool/error.hpp"
#include "support/catch.hpp"
#include "support/safetensors_bytes.hpp"
#include "support/temporary_folder.hpp"
#include "support/torch_bytes.hpp"

using namespace modelpool;
using modelpool::test::bytes_of;
using modelpool::test::FloatTensor;
using modelpool::test::safetensors_of;
using modelpool::test::TemporaryFolder;
using modelpool::test::torch_stream_of;
using modelpool::test::torch_zip_of;
namespace fs = std::filesystem;

namespace {

const CheckpointNames kNames{
    .base_prefix = "bert.",
    .ignorable = {"embeddings.position_ids", "cls.*"},
    .renamed_endings = {{".LayerNorm.gamma", ".LayerNorm.weight"}, {".LayerNorm.beta", ".LayerNorm.bias"}}};

FloatTensor one(const std::string& name) { return {name, {1}, {1}}; }

/// A folder of these tensors and its checkpoint.
struct Fixture {
  explicit Fixture(const std::vector<FloatTensor>& tensors) {
    folder.write("model.safetensors", safetensors_of(tensors));
  }
  Checkpoint open() const { return Checkpoint::open(folder.path(), kNames); }
  TemporaryFolder folder;
};

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

}  // namespace

TEST_CASE("a tensor is found with and without the prefix of the base model", "[weights]") {
  const std::string prefix = GENERATE("", "bert.");
  const Fixture fixture{{one(prefix + "pooler.weight")}};
  auto checkpoint = fixture.open();
  CHECK(checkpoint.contains("pooler.weight"));
  CHECK(checkpoint.take("pooler.weight", {1}).name == prefix + "pooler.weight");
  checkpoint.finish();
}

TEST_CASE("old names are found under their new ones", "[weights]") {
  const Fixture fixture{{one("bert.x.LayerNorm.gamma"), one("bert.x.LayerNorm.beta")}};
  auto checkpoint = fixture.open();
  CHECK(checkpoint.take("x.LayerNorm.weight", {1}).name == "bert.x.LayerNorm.gamma");
  CHECK(checkpoint.take("x.LayerNorm.bias", {1}).name == "bert.x.LayerNorm.beta");
}

TEST_CASE("two tensors that would have one name are an error that names both", "[weights]") {
  const Fixture fixture{{one("w"), one("bert.w")}};
  const auto error = error_of([&] { (void)fixture.open(); });
  CHECK(error.item == "w");
  CHECK(contains(error.what(), "the same tensor as bert.w"));
}

TEST_CASE("a missing tensor is an error with its name and the expected shape", "[weights]") {
  const Fixture fixture{{one("w")}};
  auto checkpoint = fixture.open();
  const auto error = error_of([&] { checkpoint.take("encoder.weight", {384, 1536}); });
  CHECK(error.file == (fixture.folder.path() / "model.safetensors").string());
  CHECK(error.item == "encoder.weight");
  CHECK(contains(error.what(), "expected shape [384, 1536]"));
  CHECK(checkpoint.take_if_there("encoder.weight", {384, 1536}) == nullptr);
}

TEST_CASE("a tensor of another shape is an error with both shapes", "[weights]") {
  const Fixture fixture{{{"bert.w", {2, 3}, {1, 2, 3, 4, 5, 6}}}};
  auto checkpoint = fixture.open();
  for (const auto& shape : std::vector<std::vector<std::int64_t>>{{3, 2}, {6}, {2, 3, 1}, {}}) {
    const auto error = error_of([&] { checkpoint.take("w", shape); });
    CHECK(error.item == "bert.w");
    CHECK(error.byte_offset.has_value());
    CHECK(contains(error.what(), "has shape [2, 3], but by config.json it must have ["));
  }
}

TEST_CASE("ignorable tensors are listed and do not disturb", "[weights]") {
  const Fixture fixture{{one("bert.w"), one("bert.embeddings.position_ids"), one("cls.predictions.bias"),
                         one("cls.seq_relationship.weight")}};
  auto checkpoint = fixture.open();
  checkpoint.take("w", {1});
  checkpoint.finish();
  CHECK(checkpoint.ignored() == std::vector<std::string>{"bert.embeddings.position_ids", "cls.predictions.bias",
                                                         "cls.seq_relationship.weight"});
}

TEST_CASE("a tensor that the architecture neither uses nor may ignore is an error", "[weights]") {
  const Fixture fixture{{one("w"), one("decoder.0"), one("xcls.0"), one("cls")}};
  auto checkpoint = fixture.open();
  checkpoint.take("w", {1});
  const auto error = error_of([&] { checkpoint.finish(); });
  CHECK(error.item == "cls");
  CHECK(contains(error.what(), "does not use 3 tensor(s) of this file: cls, decoder.0, xcls.0;"));
}

TEST_CASE("many unknown tensors are counted and the first five shown", "[weights]") {
  std::vector<FloatTensor> tensors;
  for (int i = 10; i < 30; ++i) tensors.push_back(one("t" + std::to_string(i)));
  const Fixture fixture{tensors};
  CHECK(contains(error_of([&] { fixture.open().finish(); }).what(),
                 "20 tensor(s) of this file: t10, t11, t12, t13, t14, ...;"));
}

TEST_CASE("a star in an ignorable name stands for any text, also none", "[weights]") {
  struct Row {
    std::string pattern, name;
    bool ignorable;
  };
  const auto row = GENERATE(values<Row>({{"a*", "a", true},
                                         {"a*", "ba", false},
                                         {"*.bias", "x.y.bias", true},
                                         {"*.bias", "x.bias.z", false},
                                         {"h.*.attn.*bias", "h.11.attn.masked_bias", true},
                                         {"h.*.attn.*bias", "h.11.attn.c.weight", false},
                                         {"*", "anything", true},
                                         {"a*b*c", "abbcbc", true},
                                         {"a*b*c", "abbcb", false}}));
  CAPTURE(row.pattern, row.name);
  const Fixture fixture{{one(row.name)}};
  const auto checkpoint = Checkpoint::open(fixture.folder.path(), {.base_prefix = "", .ignorable = {row.pattern}});
  if (row.ignorable)
    CHECK_NOTHROW(checkpoint.finish());
  else
    CHECK_THROWS_AS(checkpoint.finish(), LoadError);
}

TEST_CASE("parameters counts what was taken, each tensor once", "[weights]") {
  const Fixture fixture{{{"w", {2, 3}, {1, 2, 3, 4, 5, 6}}, one("cls.x")}};
  auto checkpoint = fixture.open();
  checkpoint.take("w", {2, 3});
  checkpoint.take("w", {2, 3});
  CHECK(checkpoint.parameters() == 6);
}

TEST_CASE("a taken tensor outlives its checkpoint", "[weights]") {
  const Fixture fixture{{one("w")}};
  const StoredTensor tensor = fixture.open().take("w", {1});
  CHECK(tensor.data.size() == 4);
  CHECK(tensor.data[3] == std::byte{0x3F});  // of 1.0F
}

TEST_CASE("weights in another format are named, with what is read instead", "[weights]") {
  const TemporaryFolder folder;
  const std::string file = GENERATE("tf_model.h5", "flax_model.msgpack", "model.onnx");
  folder.write(file, "x");
  try {
    (void)Checkpoint::open(folder.path(), kNames);
    FAIL("accepted");
  } catch (const UnsupportedModel& error) {
    CHECK(error.requested == file);
    CHECK(contains(error.what(), "supported: model.safetensors"));
  }
}

TEST_CASE("pytorch_model.bin is read as safetensors are, with old names and prefixes", "[weights]") {
  const TemporaryFolder folder;
  const auto data = bytes_of<float>({1});
  folder.write("pytorch_model.bin", torch_zip_of({{"bert.x.LayerNorm.gamma", {1}, data}, {"cls.bias", {1}, data}}));
  auto checkpoint = Checkpoint::open(folder.path(), kNames);
  CHECK(checkpoint.take("x.LayerNorm.weight", {1}).name == "bert.x.LayerNorm.gamma");
  checkpoint.finish();
  CHECK(checkpoint.ignored() == std::vector<std::string>{"cls.bias"});
  CHECK(checkpoint.identity().size() == 1);
  const auto error = error_of([&] { checkpoint.take("y", {2}); });
  CHECK(error.file == (folder.path() / "pytorch_model.bin").string());
}

TEST_CASE("pytorch_model.bin may be in shards, of either form", "[weights]") {
  const TemporaryFolder folder;
  const auto data = bytes_of<float>({1});
  folder.write("pytorch_model-1.bin", torch_zip_of({{"a", {1}, data}}));
  folder.write("pytorch_model.bin.index.json",
               R"({"metadata":{},"weight_map":{"a":"pytorch_model-1.bin","b":"pytorch_model-2.bin"}})");
  const auto error = error_of([&] { (void)Checkpoint::open(folder.path(), kNames); });
  CHECK(error.file == (folder.path() / "pytorch_model-2.bin").string());
  CHECK(contains(error.what(), "this shard is missing"));

  folder.write("pytorch_model-2.bin", torch_stream_of({{"b", {1}, data}}));
  auto checkpoint = Checkpoint::open(folder.path(), kNames);
  checkpoint.take("a", {1});
  checkpoint.take("b", {1});
  checkpoint.finish();
  CHECK(checkpoint.identity().size() == 2);

  folder.write("pytorch_model-2.bin", torch_stream_of({{"c", {1}, data}}));
  const auto lacking = error_of([&] { (void)Checkpoint::open(folder.path(), kNames); });
  CHECK(lacking.item == "b");
  CHECK(contains(lacking.what(), "is not in this shard"));
}

TEST_CASE("the first format that a folder has is read: safetensors, then torch's, each before its shards",
          "[weights]") {
  const TemporaryFolder folder;
  const auto data = bytes_of<float>({1});
  const auto index = [](const char* shard) { return std::string(R"({"weight_map":{"w":")") + shard + R"("}})"; };
  folder.write("pytorch_model-1.bin", torch_zip_of({{"w", {1}, data}, {"torch.index", {1}, data}}));
  folder.write("pytorch_model.bin.index.json", index("pytorch_model-1.bin"));
  CHECK(Checkpoint::open(folder.path(), kNames).contains("torch.index"));
  folder.write("pytorch_model.bin", torch_zip_of({{"torch", {1}, data}}));
  CHECK(Checkpoint::open(folder.path(), kNames).contains("torch"));
  folder.write("model-1.safetensors", safetensors_of({one("w"), one("index")}));
  folder.write("model.safetensors.index.json", index("model-1.safetensors"));
  CHECK(Checkpoint::open(folder.path(), kNames).contains("index"));
  folder.write("model.safetensors", safetensors_of({one("single")}));
  CHECK(Checkpoint::open(folder.path(), kNames).contains("single"));
}

TEST_CASE("files of a variant are not read", "[weights]") {
  const TemporaryFolder folder;
  folder.write("model.fp16.safetensors", safetensors_of({one("w")}));
  folder.write("pytorch_model.fp16.bin", torch_zip_of({}));
  CHECK(contains(error_of([&] { (void)Checkpoint::open(folder.path(), kNames); }).what(), "has no weights"));
}

TEST_CASE("a link that leaves the folder is followed, and one that leads nowhere is an error", "[weights]") {
  const TemporaryFolder folder;
  const TemporaryFolder blobs;
  fs::create_symlink(blobs.path() / "0a1b", folder.path() / "pytorch_model.bin");
  CHECK(contains(error_of([&] { (void)Checkpoint::open(folder.path(), kNames); }).what(), "is a symbolic link to"));
  blobs.write("0a1b", torch_zip_of({{"w", {1}, bytes_of<float>({1})}}));
  CHECK(Checkpoint::open(folder.path(), kNames).contains("w"));
}

TEST_CASE("a file that is replaced or rewritten has another identity, a link to it the same", "[weights]") {
  const TemporaryFolder folder;
  const auto file = folder.write("a/pytorch_model.bin", torch_zip_of({{"w", {1}, bytes_of<float>({1})}}));
  fs::create_directory_symlink(folder.path() / "a", folder.path() / "b");
  const auto identity = [&](const char* name) { return Checkpoint::open(folder.path() / name, kNames).identity()[0]; };
  const auto before = identity("a");
  CHECK(identity("b") == before);
  fs::last_write_time(file, fs::last_write_time(file) + std::chrono::seconds{1});
  CHECK(identity("a") != before);
  const auto rewritten = identity("a");
  folder.write("new", torch_zip_of({{"w", {1}, bytes_of<float>({2})}}));
  fs::last_write_time(folder.path() / "new", fs::last_write_time(file));
  fs::rename(folder.path() / "new", file);
  CHECK(identity("a") != rewritten);
}

TEST_CASE("parameters counts what several names share once", "[weights]") {
  const TemporaryFolder folder;
  folder.write("pytorch_model.bin",
               torch_zip_of({{"a", {2}, bytes_of<float>({1, 2})},
                             {.name = "b", .shape = {2}, .data = bytes_of<float>({1, 2}), .in_storage_of = "a"}}));
  auto checkpoint = Checkpoint::open(folder.path(), kNames);
  CHECK(checkpoint.take("a", {2}).data.data() == checkpoint.take("b", {2}).data.data());
  CHECK(checkpoint.parameters() == 2);
}

TEST_CASE("a folder without any weights is an error that names what was looked for", "[weights]") {
  const TemporaryFolder folder;
  CHECK(contains(error_of([&] { (void)Checkpoint::open(folder.path(), kNames); }).what(),
                 "has no weights: neither model.safetensors, model.safetensors.index.json, pytorch_model.bin nor"));
}
