// SPDX-License-Identifier: Apache-2.0
#include "weights/torch_pickle.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "modelpool/error.hpp"

namespace modelpool::detail {
namespace {

using Kind = PickleValue::Kind;

/// What a name that checkpoints use means.
enum class Meaning { ordered_dict, tensor, tensor_v2, tensor_v3, parameter, size, layout, storage, bytes, dtype };

struct Global {
  std::string_view name;
  Meaning meaning;
  ElementType type = ElementType::u8;  // of storage and dtype
};

constexpr std::array kGlobals{
    Global{"collections.OrderedDict", Meaning::ordered_dict},
    Global{"torch._utils._rebuild_tensor", Meaning::tensor},
    Global{"torch._utils._rebuild_tensor_v2", Meaning::tensor_v2},
    Global{"torch._utils._rebuild_tensor_v3", Meaning::tensor_v3},  // for types without a storage of their own
    Global{"torch._utils._rebuild_parameter", Meaning::parameter},
    Global{"torch._utils._rebuild_parameter_with_state", Meaning::parameter},
    Global{"torch.Size", Meaning::size},
    Global{"torch.serialization._get_layout", Meaning::layout},
    Global{"torch.FloatStorage", Meaning::storage, ElementType::f32},
    Global{"torch.DoubleStorage", Meaning::storage, ElementType::f64},
    Global{"torch.HalfStorage", Meaning::storage, ElementType::f16},
    Global{"torch.BFloat16Storage", Meaning::storage, ElementType::bf16},
    Global{"torch.LongStorage", Meaning::storage, ElementType::i64},
    Global{"torch.IntStorage", Meaning::storage, ElementType::i32},
    Global{"torch.ShortStorage", Meaning::storage, ElementType::i16},
    Global{"torch.CharStorage", Meaning::storage, ElementType::i8},
    Global{"torch.ByteStorage", Meaning::storage, ElementType::u8},
    Global{"torch.BoolStorage", Meaning::storage, ElementType::boolean},
    Global{"torch.ComplexFloatStorage", Meaning::storage, ElementType::c64},
    Global{"torch.storage.UntypedStorage", Meaning::bytes},
    Global{"torch.UntypedStorage", Meaning::bytes},
    Global{"torch.float32", Meaning::dtype, ElementType::f32},
    Global{"torch.float64", Meaning::dtype, ElementType::f64},
    Global{"torch.float16", Meaning::dtype, ElementType::f16},
    Global{"torch.bfloat16", Meaning::dtype, ElementType::bf16},
    Global{"torch.int64", Meaning::dtype, ElementType::i64},
    Global{"torch.int32", Meaning::dtype, ElementType::i32},
    Global{"torch.int16", Meaning::dtype, ElementType::i16},
    Global{"torch.int8", Meaning::dtype, ElementType::i8},
    Global{"torch.uint8", Meaning::dtype, ElementType::u8},
    Global{"torch.uint16", Meaning::dtype, ElementType::u16},
    Global{"torch.uint32", Meaning::dtype, ElementType::u32},
    Global{"torch.uint64", Meaning::dtype, ElementType::u64},
    Global{"torch.bool", Meaning::dtype, ElementType::boolean},
    Global{"torch.complex64", Meaning::dtype, ElementType::c64},
    Global{"torch.float8_e4m3fn", Meaning::dtype, ElementType::f8_e4m3},
    Global{"torch.float8_e5m2", Meaning::dtype, ElementType::f8_e5m2},
    Global{"torch.float8_e4m3fnuz", Meaning::dtype, ElementType::f8_e4m3fnuz},
    Global{"torch.float8_e5m2fnuz", Meaning::dtype, ElementType::f8_e5m2fnuz},
    Global{"torch.float8_e8m0fnu", Meaning::dtype, ElementType::f8_e8m0},
};

constexpr std::array<std::string_view, kGlobals.size()> names_of_globals() {
  std::array<std::string_view, kGlobals.size()> names;
  std::ranges::transform(kGlobals, names.begin(), &Global::name);
  return names;
}
constexpr auto kNames = names_of_globals();

constexpr std::size_t kMaxDimensions = 64;

/// A storage, and what its elements are where that is said with it.
struct Storage {
  StorageName name;
  std::uint64_t view_begin = 0;  // in bytes of what name names
  std::uint64_t view_bytes = 0;
  std::optional<ElementType> type;
};

/// Turns the values of a pickle into descriptions of tensors. Nothing here recurses: a pickle may hold itself.
class TensorReader {
 public:
  TensorReader(const Pickle& pickle, const std::string& file) : pickle_(pickle), file_(file) {}

  std::vector<TorchTensor> read() {
    const auto root = pickle_.root();
    if (root.kind != Kind::dict && !(root.kind == Kind::call && is_call_of(root, Meaning::ordered_dict)))
      fail(root, "is a pickle, but not of a dictionary of tensors");
    std::vector<TorchTensor> tensors;
    std::set<std::string_view> names;
    for (const auto& [key, value] : pairs_of(root)) {
      name_.clear();
      offset_ = offset_of(value);
      if (key.kind != Kind::text) fail(value, "a key that is not a text");
      name_ = pickle_.text(key);
      if (!names.insert(pickle_.text(key)).second) fail(value, "is there twice");
      tensors.push_back(tensor(value));
    }
    return tensors;
  }

 private:
  using Pair = std::pair<PickleValue, PickleValue>;

  /// Of a dict, or of an OrderedDict: what it was made of (a list of pairs, in Python 2), then what was added.
  std::vector<Pair> pairs_of(PickleValue dict) const {
    std::vector<Pair> pairs;
    auto items = pickle_.items(dict);
    if (dict.kind == Kind::call) {
      const auto made_of = pickle_.items(items[1]);
      if (made_of.size() > 1) fail(dict, "an OrderedDict of more than one thing");
      if (!made_of.empty()) add_pairs(made_of.front(), pairs);
      items = items.subspan(2);
    }
    for (std::size_t i = 0; i + 1 < items.size(); i += 2) pairs.emplace_back(items[i], items[i + 1]);
    return pairs;
  }

  void add_pairs(PickleValue list, std::vector<Pair>& pairs) const {
    if (list.kind != Kind::list) fail(list, "an OrderedDict that is not made of a list");
    for (const auto item : pickle_.items(list)) {
      if ((item.kind != Kind::list && item.kind != Kind::tuple) || pickle_.items(item).size() != 2)
        fail(item, "an OrderedDict that is not made of pairs");
      pairs.emplace_back(pickle_.items(item)[0], pickle_.items(item)[1]);
    }
  }

  TorchTensor tensor(PickleValue value) const {
    if (value.kind == Kind::call && is_call_of(value, Meaning::parameter)) value = arguments(value, 1)[0];
    if (value.kind != Kind::call) fail(value, "is not a tensor");
    const auto meaning = meaning_of(value).meaning;
    if (meaning != Meaning::tensor && meaning != Meaning::tensor_v2 && meaning != Meaning::tensor_v3)
      fail(value, "is not a tensor");
    // storage, offset, size, stride, requires_grad, hooks, and of version 3 dtype
    const auto given = arguments(value, meaning == Meaning::tensor_v3 ? 7 : 4);
    const auto from = storage(given[0]);
    auto type = from.type;
    if (meaning == Meaning::tensor_v3) type = global(given[6], Meaning::dtype).type;
    if (!type) fail(value, "is a tensor of a storage without a type");
    TorchTensor result;
    result.name = name_;
    result.type = *type;
    result.offset = pickle_.offset(value);
    result.shape = dimensions(given[2]);
    result.strides = dimensions(given[3]);
    place(from, number(given[1]), value, result);
    return result;
  }

  Storage storage(PickleValue value) const {
    if (value.kind != Kind::persistent) fail(value, "is a tensor without a storage");
    const auto id = pickle_.items(value)[0];
    if (id.kind != Kind::tuple) fail(value, "a storage that is not described by a tuple");
    // "storage", its type, key, device, number of elements; in the older form also what it is a part of
    const auto parts = pickle_.items(id);
    if (parts.size() < 5 || parts[0].kind != Kind::text || pickle_.text(parts[0]) != "storage" ||
        parts[2].kind != Kind::text)
      fail(value, "a storage that is not described as storages are");
    const auto type = storage_type(parts[1]);
    Storage result{.name = {.key = pickle_.text(parts[2]), .elements = number(parts[4])}, .type = type};
    const auto element = type ? bits_of(*type) / 8 : 1;
    result.name.bytes = result.view_bytes = multiply(result.name.elements, element, value);
    if (parts.size() > 5 && parts[5].kind != Kind::none) narrow(parts[5], element, result);
    return result;
  }

  std::optional<ElementType> storage_type(PickleValue value) const {
    if (value.kind == Kind::global) {
      const auto& found = kGlobals[static_cast<std::size_t>(value.number)];
      if (found.meaning == Meaning::storage) return found.type;
      if (found.meaning == Meaning::bytes) return std::nullopt;
    }
    fail(value, "a storage without a type");
  }

  /// A part of a storage: its key, where it begins and how long it is, in elements.
  void narrow(PickleValue view, std::uint64_t element, Storage& storage) const {
    if (view.kind != Kind::tuple || pickle_.items(view).size() != 3)
      fail(view, "a part of a storage without its place");
    const auto parts = pickle_.items(view);
    storage.view_begin = multiply(number(parts[1]), element, view);
    storage.view_bytes = multiply(number(parts[2]), element, view);
    if (storage.view_begin > storage.name.bytes || storage.view_bytes > storage.name.bytes - storage.view_begin)
      fail(view, "a part of a storage that is not within it");
  }

  /// Where the elements lie, from the first to the last; strides that say no more than the shape are left out.
  void place(const Storage& from, std::uint64_t first, PickleValue value, TorchTensor& tensor) const {
    const auto element = bits_of(tensor.type) / 8;
    if (tensor.shape.size() != tensor.strides.size())
      fail(value, fmt::format("has {} dimensions but {} strides", tensor.shape.size(), tensor.strides.size()));
    std::uint64_t count = 1;
    std::uint64_t last = first;
    bool row_major = true;
    for (std::size_t i = tensor.shape.size(); i-- > 0;) {
      const auto size = static_cast<std::uint64_t>(tensor.shape[i]);
      const auto stride = static_cast<std::uint64_t>(tensor.strides[i]);
      row_major = row_major && (size <= 1 || stride == count);
      if (size > 1) last = add(last, multiply(size - 1, stride, value), value);
      count = multiply(count, size, value);
    }
    (void)multiply(count, 8 * element, value);  // a copy has this many bits
    tensor.storage = from.name;
    if (row_major || count == 0) tensor.strides.clear();
    if (count == 0) return;
    tensor.begin = from.view_begin + multiply(first, element, value);
    tensor.bytes = multiply(last - first + 1, element, value);
    if (multiply(add(last, 1, value), element, value) > from.view_bytes)
      fail(value, fmt::format("shape [{}] from element {} is not within its storage of {} bytes",
                              fmt::join(tensor.shape, ", "), first, from.view_bytes));
  }

  std::vector<std::int64_t> dimensions(PickleValue value) const {
    if (value.kind == Kind::call && is_call_of(value, Meaning::size)) value = arguments(value, 1)[0];
    if (value.kind != Kind::tuple && value.kind != Kind::list) fail(value, "has a shape or strides that are no tuple");
    const auto items = pickle_.items(value);
    if (items.size() > kMaxDimensions) fail(value, fmt::format("has more than {} dimensions", kMaxDimensions));
    std::vector<std::int64_t> numbers;
    for (const auto item : items) numbers.push_back(static_cast<std::int64_t>(number(item)));
    return numbers;
  }

  std::span<const PickleValue> arguments(PickleValue call, std::size_t least) const {
    const auto given = pickle_.items(pickle_.items(call)[1]);
    if (given.size() < least) fail(call, fmt::format("has {} parts where {} are needed", given.size(), least));
    return given;
  }

  const Global& meaning_of(PickleValue call) const {
    return kGlobals[static_cast<std::size_t>(pickle_.items(call)[0].number)];
  }
  bool is_call_of(PickleValue call, Meaning meaning) const { return meaning_of(call).meaning == meaning; }

  const Global& global(PickleValue value, Meaning meaning) const {
    if (value.kind != Kind::global || kGlobals[static_cast<std::size_t>(value.number)].meaning != meaning)
      fail(value, "has no element type");
    return kGlobals[static_cast<std::size_t>(value.number)];
  }

  std::uint64_t number(PickleValue value) const {
    if (value.kind != Kind::integer || value.number < 0) fail(value, "a whole number from 0 is expected");
    return static_cast<std::uint64_t>(value.number);
  }

  std::uint64_t multiply(std::uint64_t a, std::uint64_t b, PickleValue value) const {
    std::uint64_t product = 0;
    if (__builtin_mul_overflow(a, b, &product) || product >> 63U != 0) fail(value, "is too large");
    return product;
  }
  std::uint64_t add(std::uint64_t a, std::uint64_t b, PickleValue value) const {
    if ((a + b) >> 63U != 0) fail(value, "is too large");  // both are below 2^63
    return a + b;
  }

  /// Known of values with items alone.
  std::optional<std::uint64_t> offset_of(PickleValue value) const {
    if (value.kind < Kind::tuple || value.kind == Kind::global) return std::nullopt;
    return pickle_.offset(value);
  }

  [[noreturn]] void fail(PickleValue value, const std::string& problem) const {
    const auto offset = offset_of(value);
    throw LoadError{file_, name_, offset ? offset : offset_, problem};
  }

  const Pickle& pickle_;
  const std::string& file_;
  std::string name_;  // of the tensor that is read
  std::optional<std::uint64_t> offset_;
};

}  // namespace

std::vector<TorchTensor> read_torch_pickle(ByteCursor& cursor, const std::string& file) {
  const auto pickle = read_pickle(cursor, file, kNames);
  return TensorReader{pickle, file}.read();
}

}  // namespace modelpool::detail
