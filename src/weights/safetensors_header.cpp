// SPDX-License-Identifier: Apache-2.0
#include "weights/safetensors_header.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "modelpool/error.hpp"
#include "weights/strict_json.hpp"

namespace modelpool {
namespace {

struct ElementTypeRow {
  ElementType type;
  std::string_view name;
  std::size_t bits;
};

constexpr std::array<ElementTypeRow, 22> kElementTypes{{{ElementType::boolean, "BOOL", 8},
                                                        {ElementType::f4, "F4", 4},
                                                        {ElementType::f6_e2m3, "F6_E2M3", 6},
                                                        {ElementType::f6_e3m2, "F6_E3M2", 6},
                                                        {ElementType::u8, "U8", 8},
                                                        {ElementType::i8, "I8", 8},
                                                        {ElementType::f8_e5m2, "F8_E5M2", 8},
                                                        {ElementType::f8_e4m3, "F8_E4M3", 8},
                                                        {ElementType::f8_e8m0, "F8_E8M0", 8},
                                                        {ElementType::f8_e4m3fnuz, "F8_E4M3FNUZ", 8},
                                                        {ElementType::f8_e5m2fnuz, "F8_E5M2FNUZ", 8},
                                                        {ElementType::i16, "I16", 16},
                                                        {ElementType::u16, "U16", 16},
                                                        {ElementType::f16, "F16", 16},
                                                        {ElementType::bf16, "BF16", 16},
                                                        {ElementType::i32, "I32", 32},
                                                        {ElementType::u32, "U32", 32},
                                                        {ElementType::f32, "F32", 32},
                                                        {ElementType::c64, "C64", 64},
                                                        {ElementType::f64, "F64", 64},
                                                        {ElementType::i64, "I64", 64},
                                                        {ElementType::u64, "U64", 64}}};

const ElementTypeRow& row_of(ElementType type) noexcept { return kElementTypes[static_cast<std::size_t>(type)]; }

std::optional<ElementType> element_type(std::string_view name) noexcept {
  for (const auto& row : kElementTypes)
    if (row.name == name) return row.type;
  return std::nullopt;
}

}  // namespace

std::string_view to_string(ElementType type) noexcept { return row_of(type).name; }
std::size_t bits_of(ElementType type) noexcept { return row_of(type).bits; }

namespace detail {
namespace {

constexpr std::size_t kMaxDimensions = 64;
constexpr std::string_view kMetadataKey = "__metadata__";

/// A name from a file as a JSON string without its quotes, short enough for a message of one line.
std::string printable(std::string_view name) {
  constexpr std::size_t kLongest = 120;
  const auto text = nlohmann::json(name.substr(0, kLongest))
                        .dump(-1, ' ', /*ensure_ascii=*/false, nlohmann::json::error_handler_t::replace);
  return text.substr(1, text.size() - 2) + (name.size() > kLongest ? "..." : "");
}

std::string quote(std::string_view name) { return '"' + printable(name) + '"'; }

/// Reads `{"__metadata__": {string: string}, "name": {"dtype", "shape", "data_offsets"}, ...}`.
class HeaderReader final : public JsonReader {
 public:
  HeaderReader(const std::string& file, std::uint64_t base_offset) : JsonReader(file, base_offset) {}
  Header take() { return std::move(header_); }

  bool start_object(std::size_t) override {
    if (place_ == Place::document) return go(Place::root);
    if (place_ == Place::root) return start_member();
    if (in_unknown_member()) return nest();
    return value_of_wrong_type("an object");
  }

  bool end_object() override {
    if (depth_of_unknown_ > 0) return --depth_of_unknown_, true;
    if (place_ == Place::entry) finish_entry();
    return go(place_ == Place::root ? Place::end : Place::root);
  }

  bool start_array(std::size_t) override {
    if (in_unknown_member()) return nest();
    if (place_ == Place::entry && key_ == "shape") return go(Place::shape);
    if (place_ == Place::entry && key_ == "data_offsets") return go(Place::offsets);
    return value_of_wrong_type("an array");
  }

  bool end_array() override {
    if (depth_of_unknown_ > 0) return --depth_of_unknown_, true;
    if (place_ == Place::offsets && offsets_.size() != 2) fail(item(), "data_offsets is not two numbers");
    return go(Place::entry);
  }

  bool key(string_t& text) override {
    if (depth_of_unknown_ > 0) return true;
    if (place_ == Place::root) return start_name(text);
    key_ = text;
    if (place_ == Place::metadata && header_.metadata.contains(text))
      fail(item(), "has the key " + quote(text) + " twice");
    if (place_ == Place::entry && !keys_.insert(text).second) fail(item(), "has the key " + quote(text) + " twice");
    return true;
  }

  bool string(string_t& text) override {
    if (in_unknown_member()) return true;
    if (place_ == Place::metadata) return header_.metadata.emplace(key_, text), true;
    if (place_ == Place::entry && key_ == "dtype") return set_type(text);
    return value_of_wrong_type("a string");
  }

  bool number_unsigned(number_unsigned_t number) override {
    if (in_unknown_member()) return true;
    if (place_ == Place::shape) return add_dimension(number);
    if (place_ == Place::offsets) return offsets_.push_back(number), true;
    return value_of_wrong_type("a number");
  }

  bool null() override {
    if (place_ == Place::root && name_ == kMetadataKey) return true;  // as the reference implementation
    return value_of_wrong_type("null");
  }

 protected:
  bool value_of_wrong_type(std::string_view found) override {
    if (in_unknown_member()) return true;
    fail(item(), fmt::format("{} where {} is expected", found, expectation()));
  }

 private:
  enum class Place { document, root, metadata, entry, shape, offsets, end };

  bool go(Place place) {
    place_ = place;
    return true;
  }
  bool nest() {
    ++depth_of_unknown_;
    return true;
  }

  // Members of an entry that are not known are skipped, as the reference implementation does.
  bool in_unknown_member() const {
    return depth_of_unknown_ > 0 ||
           (place_ == Place::entry && key_ != "dtype" && key_ != "shape" && key_ != "data_offsets");
  }

  std::string item() const { return place_ == Place::document || place_ == Place::end ? "" : printable(name_); }

  std::string expectation() const {
    switch (place_) {
      case Place::document:
      case Place::end:
        return "an object of tensors";
      case Place::root:
        return name_ == kMetadataKey ? "an object of strings" : "an object with dtype, shape and data_offsets";
      case Place::metadata:
        return fmt::format("a string (value of {})", quote(key_));
      case Place::entry:
        return key_ == "dtype" ? "the dtype's name" : fmt::format("an array ({})", key_);
      case Place::shape:
        return "a dimension (a whole number from 0)";
      case Place::offsets:
        return "a data offset (a whole number from 0)";
    }
    return "something else";
  }

  bool start_name(const std::string& text) {
    name_ = text;
    if (!names_.insert(text).second) fail(item(), "the header has this key twice");
    return true;
  }

  bool start_member() {
    if (name_ == kMetadataKey) return go(Place::metadata);
    header_.entries.emplace_back().name = name_;
    keys_.clear();
    offsets_.clear();
    return go(Place::entry);
  }

  bool set_type(const std::string& text) {
    const auto type = element_type(text);
    if (!type) fail(item(), fmt::format("dtype {} is not one of the format's", quote(text)));
    header_.entries.back().type = *type;
    return true;
  }

  bool add_dimension(std::uint64_t number) {
    if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
      fail(item(), fmt::format("dimension {} is too large", number));
    auto& shape = header_.entries.back().shape;
    if (shape.size() == kMaxDimensions) fail(item(), fmt::format("shape has more than {} dimensions", kMaxDimensions));
    shape.push_back(static_cast<std::int64_t>(number));
    return true;
  }

  void finish_entry() {
    for (const std::string_view needed : {"dtype", "shape", "data_offsets"})
      if (!keys_.contains(needed)) fail(item(), fmt::format("has no {}", needed));
    header_.entries.back().begin = offsets_[0];
    header_.entries.back().end = offsets_[1];
  }

  Header header_;
  Place place_ = Place::document;
  std::string name_;  // of the tensor, or __metadata__
  std::string key_;   // within it
  std::size_t depth_of_unknown_ = 0;
  std::set<std::string, std::less<>> names_;
  std::set<std::string, std::less<>> keys_;
  std::vector<std::uint64_t> offsets_;
};

/// Reads `{"metadata": anything, "weight_map": {tensor: shard}}`.
class IndexReader final : public JsonReader {
 public:
  explicit IndexReader(const std::string& file) : JsonReader(file, 0), file_name_(file) {}

  StringMap take() {
    if (map_.empty()) throw LoadError{file_name_, "weight_map", std::nullopt, "is missing or names no tensor"};
    return std::move(map_);
  }

  bool start_object(std::size_t) override {
    if (place_ == Place::document) return go(Place::root);
    if (place_ == Place::root && key_ == kMapKey) return go(Place::map);
    if (in_unknown_member()) return nest();
    return value_of_wrong_type("an object");
  }
  bool end_object() override {
    if (depth_of_unknown_ > 0) return --depth_of_unknown_, true;
    return go(place_ == Place::map ? Place::root : Place::end);
  }
  bool start_array(std::size_t) override { return in_unknown_member() ? nest() : value_of_wrong_type("an array"); }
  bool end_array() override { return --depth_of_unknown_, true; }

  bool key(string_t& text) override {
    if (depth_of_unknown_ > 0) return true;
    if (place_ == Place::map && map_.contains(text)) fail(printable(text), "weight_map has this tensor twice");
    if (place_ == Place::root && !keys_.insert(text).second) fail(printable(text), "the index has this key twice");
    key_ = text;
    return true;
  }

  bool string(string_t& text) override {
    if (place_ != Place::map) return value_of_wrong_type("a string");
    const bool plain = !text.empty() && text != "." && text != ".." &&
                       text.find_first_of(std::string_view{"/\0", 2}) == std::string::npos;
    if (!plain) fail(printable(key_), fmt::format("shard {} is not the name of a file beside the index", quote(text)));
    return map_.emplace(key_, text), true;
  }

 protected:
  bool value_of_wrong_type(std::string_view found) override {
    if (in_unknown_member()) return true;
    if (place_ == Place::map) fail(printable(key_), fmt::format("{} where the shard's file name is expected", found));
    if (place_ == Place::root)
      fail(std::string(kMapKey), fmt::format("{} where an object (tensor to shard) is expected", found));
    fail("", fmt::format("{} where an object with weight_map is expected", found));
  }

 private:
  enum class Place { document, root, map, end };
  static constexpr std::string_view kMapKey = "weight_map";

  bool go(Place place) {
    place_ = place;
    return true;
  }
  bool nest() {
    ++depth_of_unknown_;
    return true;
  }
  bool in_unknown_member() const { return depth_of_unknown_ > 0 || (place_ == Place::root && key_ != kMapKey); }

  std::string file_name_;
  StringMap map_;
  Place place_ = Place::document;
  std::size_t depth_of_unknown_ = 0;
  std::string key_;
  std::set<std::string, std::less<>> keys_;
};

/// Bytes of the entry's elements, by its shape.
std::uint64_t bytes_by_shape(const HeaderEntry& entry, std::uint64_t offset, const std::string& file) {
  std::uint64_t bits = bits_of(entry.type);
  const auto fail = [&](std::string_view problem) {
    throw LoadError{file, printable(entry.name), offset,
                    fmt::format("shape [{}] of {} {}", fmt::join(entry.shape, ", "), to_string(entry.type), problem)};
  };
  for (const auto dimension : entry.shape)
    if (__builtin_mul_overflow(bits, static_cast<std::uint64_t>(dimension), &bits)) fail("overflows");
  if (bits % 8 != 0) fail("does not fill whole bytes");
  return bits / 8;
}

/// The entries lie behind one another, have the size of their shape, and fill the data.
void check_places(const std::vector<HeaderEntry>& entries, std::uint64_t data_start, std::uint64_t data_bytes,
                  const std::string& file) {
  std::uint64_t expected_begin = 0;
  const HeaderEntry* before = nullptr;
  for (const auto& entry : entries) {
    const auto fail = [&](const std::string& problem) {
      throw LoadError{file, printable(entry.name), data_start + std::min(entry.begin, data_bytes), problem};
    };
    if (entry.begin > entry.end) fail(fmt::format("data_offsets [{}, {}] run backwards", entry.begin, entry.end));
    if (entry.end > data_bytes)
      fail(fmt::format(
          "data_offsets [{}, {}] end after the file's {} bytes of data: the file is truncated, or its header wrong",
          entry.begin, entry.end, data_bytes));
    const auto bytes = bytes_by_shape(entry, data_start + entry.begin, file);
    if (bytes != entry.end - entry.begin)
      fail(fmt::format("shape [{}] of {} needs {} bytes, but data_offsets [{}, {}] hold {}",
                       fmt::join(entry.shape, ", "), to_string(entry.type), bytes, entry.begin, entry.end,
                       entry.end - entry.begin));
    if (entry.begin < expected_begin)
      fail(fmt::format("data_offsets [{}, {}] overlap with {}", entry.begin, entry.end, quote(before->name)));
    if (entry.begin > expected_begin)
      fail(fmt::format("{} bytes before this tensor belong to none", entry.begin - expected_begin));
    expected_begin = entry.end;
    before = &entry;
  }
  if (expected_begin != data_bytes)
    throw LoadError{file, "", data_start + expected_begin,
                    fmt::format("{} bytes after the last tensor belong to none", data_bytes - expected_begin)};
}

}  // namespace

std::uint64_t header_length(std::string_view prefix, std::uint64_t file_bytes, const std::string& file) {
  static_assert(std::endian::native == std::endian::little, "the format is little-endian");
  if (file_bytes == 0) throw LoadError{file, "", std::nullopt, "is empty; download it again"};
  if (prefix.size() < kHeaderLengthBytes || file_bytes < kHeaderLengthBytes)
    throw LoadError{file, "", file_bytes, "is truncated: a safetensors file begins with 8 bytes of header length"};
  std::uint64_t length = 0;
  std::memcpy(&length, prefix.data(), sizeof length);
  if (length > kMaxHeaderBytes)
    throw LoadError{file, "", 0,
                    fmt::format("is not a safetensors file: its header would have {} bytes, more than {}", length,
                                kMaxHeaderBytes)};
  if (length > file_bytes - kHeaderLengthBytes)
    throw LoadError{file, "", file_bytes,
                    fmt::format("is truncated: the header of {} bytes ends after the file", length)};
  return length;
}

Header parse_header(std::string_view json, std::uint64_t data_bytes, const std::string& file) {
  if (!json.starts_with('{'))
    throw LoadError{file, "", kHeaderLengthBytes, "is not a safetensors file: its header does not begin with {"};
  HeaderReader reader{file, kHeaderLengthBytes};
  reader.read(json);
  Header header = reader.take();
  std::ranges::sort(header.entries, [](const HeaderEntry& a, const HeaderEntry& b) {
    return std::pair{a.begin, a.end} < std::pair{b.begin, b.end};
  });
  check_places(header.entries, kHeaderLengthBytes + json.size(), data_bytes, file);
  return header;
}

StringMap parse_index(std::string_view json, const std::string& file) {
  IndexReader reader{file};
  reader.read(json);
  return reader.take();
}

}  // namespace detail
}  // namespace modelpool
