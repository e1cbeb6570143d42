// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace modelpool::detail {

/// To be called in a catch clause: throws what LibTorch threw as one of our errors, and anything else unchanged.
/// @param device  for the message, as to_string(Device) gives it
[[noreturn]] void rethrow_as_ours(const std::string& device);

}  // namespace modelpool::detail
