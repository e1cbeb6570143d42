// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace modelpool::tokenizers {

/// [start, end) in code points of the text that the user gave.
struct Origin {
  std::uint32_t start = 0;
  std::uint32_t end = 0;
};

/// [begin, end) in bytes of a Text.
struct Range {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
};

/// A piece of the input on its way through the normalizers: valid UTF-8, and where each byte came from.
///
/// A part that changes lengths writes the new text behind the old one's back: start_rewrite(), append() for every code
/// point, finish_rewrite(). Both buffers live on, so that a thread's next text needs no allocation.
class Text {
 public:
  /// @param piece  valid UTF-8
  /// @param first  place of the piece in the user's text, in code points
  void assign(std::string_view piece, std::uint32_t first, bool with_origins);

  /// Becomes a part of another text.
  void assign(const Text& whole, Range part);

  [[nodiscard]] std::string_view view() const noexcept { return bytes_; }
  [[nodiscard]] std::string& bytes() noexcept { return bytes_; }
  /// One for each byte; empty unless offsets were asked for.
  [[nodiscard]] std::vector<Origin>& origins() noexcept { return origins_; }
  [[nodiscard]] const std::vector<Origin>& origins() const noexcept { return origins_; }
  [[nodiscard]] bool with_origins() const noexcept { return with_origins_; }
  /// Where the byte at `at` came from; nothing when offsets were not asked for.
  [[nodiscard]] Origin origin(std::size_t at) const noexcept { return with_origins_ ? origins_[at] : Origin{}; }

  /// True where a byte-level pre-tokenizer spells the text, each byte by one character (byte_level.hpp). The spelling is
  /// left undone until somebody needs the characters: byte-level models read the bytes.
  [[nodiscard]] bool spelled() const noexcept { return spelled_; }
  void set_spelled(bool spelled) noexcept { spelled_ = spelled; }

  void start_rewrite();
  void append(char32_t code, Origin origin);
  /// Whole code points that all have one origin.
  void append_bytes(std::string_view bytes, Origin origin);
  /// Takes a part of the old text over as it is.
  void append_part(Range part);
  /// Length of what has been written so far, in bytes.
  [[nodiscard]] std::uint32_t rewritten() const noexcept { return static_cast<std::uint32_t>(new_bytes_.size()); }
  void finish_rewrite();

 private:
  std::string bytes_;
  std::vector<Origin> origins_;
  std::string new_bytes_;
  std::vector<Origin> new_origins_;
  bool with_origins_ = false;
  bool spelled_ = false;
};

/// An id and the bytes of the Text that became it.
struct Token {
  std::int32_t id = 0;
  Range range;
};

}  // namespace modelpool::tokenizers
