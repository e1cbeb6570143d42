// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>

namespace modelpool {

/// Processors that this process can keep busy: those that it may run on, or what the control groups (v1 or v2) give it of
/// their time, whichever is less. A share of a processor does not count: threads that wait for each other would wait for
/// the one that has to pause.
/// @param root  where /proc and /sys are looked for; another one than "/" is for tests
/// @return      at least 1
[[nodiscard]] std::size_t available_processors(const std::filesystem::path& root = "/");

}  // namespace modelpool
