// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace modelpool::tokenizers {

/// Bytes as UTF-8: each longest beginning of a character that does not go on as one, or else each byte that begins none,
/// becomes U+FFFD (The Unicode Standard, section 3.9, "maximal subparts").
[[nodiscard]] std::string with_replacements(std::string_view bytes);

}  // namespace modelpool::tokenizers
