// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "modelpool/error.hpp"

namespace modelpool::detail {

/// The error concerns the texts of a batch. Any other (no instance can be made, the pool is closed) ends the call.
[[nodiscard]] bool is_of_the_batch(const Error& error);

/// What a tokenizer gave for a text can be computed by a model.
/// @throws InvalidInput  there is nothing, or an id outside the vocabulary
void check_ids(std::span<const std::int32_t> ids, std::int64_t vocab_size);

}  // namespace modelpool::detail
