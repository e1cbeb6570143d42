// SPDX-License-Identifier: Apache-2.0
#include "weights/pickle.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "base/escape.hpp"
#include "modelpool/error.hpp"
#include "weights/strict_json.hpp"

namespace modelpool::detail {
namespace {

using Kind = PickleValue::Kind;

constexpr std::size_t kLongestName = 1024;       // of a global
constexpr std::uint64_t kLongestText = 1 << 20;  // a tensor's name has a few dozen bytes

/// The operations that checkpoints are written with, under pickletools' names.
enum class Op : unsigned char {
  mark = '(',
  stop = '.',
  pop = '0',
  pop_mark = '1',
  dup = '2',
  binfloat = 'G',
  binint = 'J',
  binint1 = 'K',
  binint2 = 'M',
  none = 'N',
  binpersid = 'Q',
  reduce = 'R',
  binstring = 'T',
  short_binstring = 'U',
  binunicode = 'X',
  append = 'a',
  build = 'b',
  global = 'c',
  dict = 'd',
  appends = 'e',
  binget = 'h',
  long_binget = 'j',
  list = 'l',
  empty_tuple = ')',
  empty_list = ']',
  binput = 'q',
  long_binput = 'r',
  setitem = 's',
  tuple = 't',
  setitems = 'u',
  empty_dict = '}',
  proto = 0x80,
  tuple1 = 0x85,
  tuple2 = 0x86,
  tuple3 = 0x87,
  newtrue = 0x88,
  newfalse = 0x89,
  long1 = 0x8a,
  short_binunicode = 0x8c,
  binunicode8 = 0x8d,
  stack_global = 0x93,
  memoize = 0x94,
  frame = 0x95,
};

}  // namespace

class PickleMachine {
 public:
  PickleMachine(ByteCursor& cursor, const std::string& file, std::span<const std::string_view> allowed)
      : cursor_(cursor), file_(file), allowed_(allowed) {}

  Pickle run() {
    if (next(); op_ != Op::proto) fail("is not a pickle of protocol 2 or newer");
    (void)cursor_.byte();  // which protocol: the operations say what they are
    for (next(); op_ != Op::stop; next())
      if (!make_number() && !make_text() && !make_container() && !fill_container() && !remember() && !rearrange())
        fail(fmt::format("operation 0x{:02x} of a pickle, which no checkpoint needs", static_cast<unsigned>(op_)));
    pickle_.root_ = pop();
    return std::move(pickle_);
  }

 private:
  void next() {
    op_offset_ = cursor_.offset();
    op_ = Op{cursor_.byte()};
  }

  bool make_number() {
    switch (op_) {
      case Op::none:
        return push({});
      case Op::newtrue:
        return push({Kind::boolean, 1});
      case Op::newfalse:
        return push({Kind::boolean, 0});
      case Op::binint1:
        return push({Kind::integer, static_cast<std::int64_t>(cursor_.number(1))});
      case Op::binint2:
        return push({Kind::integer, static_cast<std::int64_t>(cursor_.number(2))});
      case Op::binint:
        return push({Kind::integer, static_cast<std::int32_t>(cursor_.number(4))});
      case Op::long1:
        return push(long_integer(cursor_.byte()));
      case Op::binfloat:
        (void)cursor_.take(8);
        return push({Kind::real, 0});
      default:
        return false;
    }
  }

  PickleValue long_integer(std::size_t length) {
    const auto bytes = cursor_.take(length);
    if (length > 8) return text(Kind::long_integer, std::string(bytes));
    auto number = little_endian(bytes);
    const bool negative = length > 0 && (static_cast<unsigned char>(bytes.back()) & 0x80U) != 0;
    if (negative && length < 8) number |= ~std::uint64_t{0} << 8 * length;
    return {Kind::integer, static_cast<std::int64_t>(number)};
  }

  bool make_text() {
    switch (op_) {
      case Op::short_binstring:  // Python 2's str
      case Op::short_binunicode:
        return push_text(cursor_.number(1));
      case Op::binstring:
      case Op::binunicode:
        return push_text(cursor_.number(4));
      case Op::binunicode8:
        return push_text(cursor_.number(8));
      case Op::global: {
        auto module = cursor_.line(kLongestName);
        return push(global(std::move(module), cursor_.line(kLongestName)));
      }
      case Op::stack_global: {
        const auto name = pop(Kind::text);
        const auto module = pop(Kind::text);
        return push(global(pickle_.text(module), pickle_.text(name)));
      }
      default:
        return false;
    }
  }

  bool push_text(std::uint64_t length) {
    if (length > kLongestText) fail(fmt::format("a text of {} bytes, too long for a checkpoint", length));
    std::string bytes{cursor_.take(length)};
    if (first_invalid_utf8(bytes)) fail("a text that is not UTF-8");
    return push(text(Kind::text, std::move(bytes)));
  }

  PickleValue text(Kind kind, std::string bytes) {
    count_object();
    pickle_.texts_.push_back(std::move(bytes));
    return {kind, static_cast<std::int64_t>(pickle_.texts_.size() - 1)};
  }

  PickleValue global(const std::string& module, const std::string& name) {
    const auto full = module + '.' + name;
    const auto at = std::ranges::find(allowed_, full);
    if (at == allowed_.end())
      fail(
          fmt::format("asks for {}, which is not among what a checkpoint of tensors needs, and is not run; use a "
                      "checkpoint that holds tensors alone, for example safetensors",
                      escaped(full)));
    return {Kind::global, std::distance(allowed_.begin(), at)};
  }

  bool make_container() {
    switch (op_) {
      case Op::empty_tuple:
        return push(node(Kind::tuple, {}));
      case Op::empty_list:
        return push(node(Kind::list, {}));
      case Op::empty_dict:
        return push(node(Kind::dict, {}));
      case Op::tuple:
        return push(node(Kind::tuple, pop_to_mark()));
      case Op::list:
        return push(node(Kind::list, pop_to_mark()));
      case Op::dict:
        return push(node(Kind::dict, pop_pairs()));
      case Op::tuple1:
        return push(node(Kind::tuple, pop_last(1)));
      case Op::tuple2:
        return push(node(Kind::tuple, pop_last(2)));
      case Op::tuple3:
        return push(node(Kind::tuple, pop_last(3)));
      case Op::binpersid:
        return push(node(Kind::persistent, pop_last(1)));
      case Op::reduce:
        return push(call());
      default:
        return false;
    }
  }

  PickleValue node(Kind kind, std::vector<PickleValue> items) {
    count_object();
    pickle_.nodes_.push_back({op_offset_, std::move(items)});
    return {kind, static_cast<std::int64_t>(pickle_.nodes_.size() - 1)};
  }

  PickleValue call() {
    const auto arguments = pop(Kind::tuple);
    return node(Kind::call, {pop(Kind::global), arguments});
  }

  bool fill_container() {
    switch (op_) {
      case Op::append:
        return add(Kind::list, pop_last(1));
      case Op::appends:
        return add(Kind::list, pop_to_mark());
      case Op::setitem:
        return add(Kind::dict, pop_last(2));
      case Op::setitems:
        return add(Kind::dict, pop_pairs());
      case Op::build:  // attributes of an object, such as the versions of modules: of no use here
        (void)pop();
        if (top().kind != Kind::call) fail("attributes of what has none");
        return true;
      default:
        return false;
    }
  }

  /// A call stands for the object that it would make, and takes items as a dict does.
  bool add(Kind kind, const std::vector<PickleValue>& items) {
    const auto target = top();
    if (target.kind != kind && !(kind == Kind::dict && target.kind == Kind::call))
      fail("items for what holds none of this kind");
    auto& held = pickle_.nodes_[Pickle::index_of(target)].items;
    held.insert(held.end(), items.begin(), items.end());
    return true;
  }

  bool remember() {
    switch (op_) {
      case Op::binput:
        return put(cursor_.number(1));
      case Op::long_binput:
        return put(cursor_.number(4));
      case Op::memoize:
        return put(memo_size_);
      case Op::binget:
        return push(get(cursor_.number(1)));
      case Op::long_binget:
        return push(get(cursor_.number(4)));
      default:
        return false;
    }
  }

  // Python counts what it stores from 0, so that a number beyond the bytes read is not Python's.
  bool put(std::uint64_t index) {
    if (index > cursor_.taken() + 255) fail(fmt::format("stores a value under the number {}, out of order", index));
    if (index >= memo_.size()) memo_.resize(index + 1);
    memo_size_ += !memo_[index];
    memo_[index] = top();
    return true;
  }

  PickleValue get(std::uint64_t index) {
    if (index >= memo_.size() || !memo_[index]) fail(fmt::format("uses the value {}, which was not stored", index));
    return *memo_[index];
  }

  bool rearrange() {
    switch (op_) {
      case Op::mark:
        limit(marks_.size());
        marks_.push_back(stack_.size());
        return true;
      case Op::pop:
        (void)pop();
        return true;
      case Op::pop_mark:
        (void)pop_to_mark();
        return true;
      case Op::dup:
        return push(top());
      case Op::frame:
        (void)cursor_.take(8);
        return true;
      default:
        return false;
    }
  }

  bool push(PickleValue value) {
    limit(stack_.size());
    stack_.push_back(value);
    return true;
  }

  PickleValue top() const {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) fail("takes from an empty stack");
    return stack_.back();
  }

  PickleValue pop() {
    const auto value = top();
    stack_.pop_back();
    return value;
  }

  PickleValue pop(Kind kind) {
    const auto value = pop();
    if (value.kind != kind) fail("a value of the wrong kind");
    return value;
  }

  std::vector<PickleValue> pop_last(std::size_t count) {
    std::vector<PickleValue> values(count);
    while (count-- > 0) values[count] = pop();
    return values;
  }

  std::vector<PickleValue> pop_to_mark() {
    if (marks_.empty()) fail("ends what was not begun");
    const auto from = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<PickleValue> values(from, stack_.end());
    stack_.erase(from, stack_.end());
    marks_.pop_back();
    return values;
  }

  std::vector<PickleValue> pop_pairs() {
    auto values = pop_to_mark();
    if (values.size() % 2 != 0) fail("a key without a value");
    return values;
  }

  void count_object() const { limit(pickle_.texts_.size() + pickle_.nodes_.size()); }
  void limit(std::size_t size) const {
    if (size >= kMostPickleObjects) fail(fmt::format("a pickle of more than {} objects", kMostPickleObjects));
  }

  [[noreturn]] void fail(const std::string& problem) const { throw LoadError{file_, "", op_offset_, problem}; }

  ByteCursor& cursor_;
  const std::string& file_;
  std::span<const std::string_view> allowed_;
  Op op_ = Op::none;
  std::uint64_t op_offset_ = 0;
  Pickle pickle_;
  std::vector<PickleValue> stack_;
  std::vector<std::size_t> marks_;  // sizes of stack_
  std::vector<std::optional<PickleValue>> memo_;
  std::uint64_t memo_size_ = 0;  // how many are stored
};

Pickle read_pickle(ByteCursor& cursor, const std::string& file, std::span<const std::string_view> allowed) {
  return PickleMachine{cursor, file, allowed}.run();
}

}  // namespace modelpool::detail
