// SPDX-License-Identifier: Apache-2.0
#include "device/control_groups.hpp"

#include <charconv>
#include <fstream>
#include <sstream>

namespace modelpool::detail {

namespace fs = std::filesystem;

std::string text_of(const fs::path& file) {
  std::ifstream stream{file};
  std::ostringstream text;
  text << stream.rdbuf();
  return stream ? text.str() : "";
}

std::optional<std::uint64_t> number_at(std::string_view text) {
  const auto start = text.find_first_not_of(" \t");
  if (start == std::string_view::npos) return std::nullopt;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data() + start, text.data() + text.size(), number);
  return error == std::errc{} ? std::optional{number} : std::nullopt;
}

std::optional<std::uint64_t> number_in(const fs::path& file) { return number_at(text_of(file)); }

namespace {

using Visit = std::function<void(const fs::path&, ControlGroupVersion)>;

void visit_upwards(const fs::path& mount, const fs::path& group, ControlGroupVersion version, const Visit& visit) {
  for (auto below = group.relative_path();; below = below.parent_path()) {
    visit(mount / below, version);
    if (below.empty()) return;
  }
}

/// The lines of /proc/self/cgroup are "id:controllers:path"; version 2 has id 0 and no controllers. Of version 1 each
/// controller has a folder of its name.
void visit_line(const fs::path& root, const std::string& line, std::string_view controller, const Visit& visit) {
  const auto first = line.find(':');
  const auto second = first == std::string::npos ? first : line.find(':', first + 1);
  if (second == std::string::npos) return;
  const auto controllers = "," + line.substr(first + 1, second - first - 1) + ",";
  const fs::path group = line.substr(second + 1);
  const auto mount = root / "sys/fs/cgroup";
  if (controllers == ",,") visit_upwards(mount, group, ControlGroupVersion::v2, visit);
  if (controllers.find("," + std::string(controller) + ",") != std::string::npos)
    visit_upwards(mount / controller, group, ControlGroupVersion::v1, visit);
}

}  // namespace

void for_each_control_group(const fs::path& root, std::string_view controller, const Visit& visit) {
  std::istringstream groups{text_of(root / "proc/self/cgroup")};
  for (std::string line; std::getline(groups, line);) visit_line(root, line, controller, visit);
}

}  // namespace modelpool::detail
