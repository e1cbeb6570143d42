// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weights/byte_source.hpp"

/// Reading of Python's pickles as data. Nothing is ever executed: a call is kept as what would be called and with what.
///
/// Format: https://github.com/python/cpython/blob/v3.12.0/Lib/pickletools.py
namespace modelpool::detail {

/// One value of a pickle; what it holds is kept by the Pickle it is of.
struct PickleValue {
  enum class Kind : std::uint8_t {
    none,
    boolean,       ///< number: 0 or 1
    integer,       ///< number
    long_integer,  ///< text: more than 8 bytes, little-endian
    real,          ///< (its value is of no use here)
    text,
    tuple,       ///< items
    list,        ///< items
    dict,        ///< items: key, value, key, value …
    global,      ///< number: place in the list of the names that are allowed
    call,        ///< items: what is called, its arguments (a tuple)
    persistent,  ///< items: the value that stands for something outside the pickle
  };
  Kind kind = Kind::none;
  std::int64_t number = 0;  ///< of long_integer, text and those with items: place in their Pickle
};

/// What a pickle holds, as a graph: an item may be shared, and even hold itself, so that walks must be bounded.
class Pickle {
 public:
  [[nodiscard]] PickleValue root() const noexcept { return root_; }
  [[nodiscard]] const std::string& text(PickleValue value) const { return texts_.at(index_of(value)); }
  [[nodiscard]] std::span<const PickleValue> items(PickleValue value) const { return nodes_.at(index_of(value)).items; }
  /// Where in the file a value with items was made, in bytes.
  [[nodiscard]] std::uint64_t offset(PickleValue value) const { return nodes_.at(index_of(value)).offset; }

 private:
  friend class PickleMachine;
  struct Node {
    std::uint64_t offset;
    std::vector<PickleValue> items;
  };
  static std::size_t index_of(PickleValue value) noexcept { return static_cast<std::size_t>(value.number); }

  PickleValue root_;
  std::vector<std::string> texts_;
  std::vector<Node> nodes_;
};

/// For a pickle, whatever it says: bytes, and things that it makes or holds on its stack at one time.
inline constexpr std::uint64_t kMostPickleBytes = 64U << 20U;
inline constexpr std::size_t kMostPickleObjects = 1U << 22U;

/// Reads one pickle of protocol 2 or newer, and leaves the cursor behind it.
/// @param file     for messages
/// @param allowed  names of globals ("module.name") that may be used
/// @throws LoadError  the bytes are no such pickle, it uses another global (which is named), an operation that no
///                    checkpoint needs, or more than it may
[[nodiscard]] Pickle read_pickle(ByteCursor& cursor, const std::string& file,
                                 std::span<const std::string_view> allowed);

}  // namespace modelpool::detail
