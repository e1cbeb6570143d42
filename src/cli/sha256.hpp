// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace modelpool::cli {

using Sha256Digest = std::array<std::uint8_t, 32>;

/// The hash function of FIPS 180-4 (https://doi.org/10.6028/NIST.FIPS.180-4), section 6.2.
///
/// Thread safety: none.
class Sha256 {
 public:
  void add(std::string_view bytes);
  /// Adds the length of a text and the text, so that "ab", "c" is another thing than "a", "bc".
  void add_text(std::string_view text);
  void add_number(std::uint64_t number);
  /// Of all that was added. The object is used up.
  [[nodiscard]] Sha256Digest finish();

 private:
  void take_block(const std::uint8_t* block);

  std::array<std::uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::uint8_t, 64> block_{};  // the first `length_ % 64` bytes wait for the rest of their block
  std::uint64_t length_ = 0;              // bytes so far
};

}  // namespace modelpool::cli
