// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/unicode/classes.hpp"

#include <array>
#include <cstddef>

namespace modelpool::tokenizers::unicode {
namespace {

#include "tokenizers/unicode/class_tables.inc"

constexpr unsigned kBlockBits = 7;

}  // namespace

CharacterClass class_of(char32_t code) noexcept {
  const std::size_t block = kBlockOf[code >> kBlockBits];
  return CharacterClass(kBlocks[(block << kBlockBits) + (code & ((1U << kBlockBits) - 1U))]);
}

}  // namespace modelpool::tokenizers::unicode
