// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace modelpool::detail {

/// @return  empty where it cannot be read
[[nodiscard]] std::string text_of(const std::filesystem::path& file);
/// @return  the number that `text` starts with, after blanks
[[nodiscard]] std::optional<std::uint64_t> number_at(std::string_view text);
[[nodiscard]] std::optional<std::uint64_t> number_in(const std::filesystem::path& file);

enum class ControlGroupVersion { v1, v2 };

/// Calls visit(folder, version) for the control groups of this process that `controller` belongs to, and for all groups
/// above them, because a group is bound by those as well. A folder need not exist: in a container the path may be the
/// host's, whose end is then at the root.
void for_each_control_group(const std::filesystem::path& root, std::string_view controller,
                            const std::function<void(const std::filesystem::path&, ControlGroupVersion)>& visit);

}  // namespace modelpool::detail
