// SPDX-License-Identifier: Apache-2.0
#include "managers/run_errors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "modelpool/pool/errors.hpp"

namespace modelpool::detail {

bool is_of_the_batch(const Error& error) {
  constexpr std::array kCodes{InvalidInput::kCode, AcquireTimeout::kCode, Overloaded::kCode, DeadlineExceeded::kCode,
                              Cancelled::kCode,    OutOfMemory::kCode,    DeviceError::kCode};
  return std::ranges::find(kCodes, error.code()) != kCodes.end();
}

void check_ids(std::span<const std::int32_t> ids, std::int64_t vocab_size) {
  if (ids.empty()) throw InvalidInput("the text has no tokens; this tokenizer adds none to an empty text");
  const auto outside = std::ranges::find_if(ids, [&](auto id) { return id < 0 || id >= vocab_size; });
  if (outside == ids.end()) return;
  throw InvalidInput(fmt::format("the tokenizer gave id {}, but the model's vocab_size is {}", *outside, vocab_size));
}

}  // namespace modelpool::detail
