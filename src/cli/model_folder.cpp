// SPDX-License-Identifier: Apache-2.0
#include "cli/model_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <vector>

#include "cli/arguments.hpp"

namespace modelpool::cli {
namespace fs = std::filesystem;
namespace {

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

// org/name, or an old name without an organisation.
bool may_be_hub_name(const std::string& model) {
  const auto plain = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == '/';
  };
  return std::all_of(model.begin(), model.end(), plain) && std::count(model.begin(), model.end(), '/') <= 1 &&
         std::isalnum(static_cast<unsigned char>(model.front())) != 0 && model.back() != '/';
}

std::string repository_folder(const std::string& model) {
  std::string name = "models--" + model;
  if (const auto slash = name.find('/'); slash != std::string::npos) name.replace(slash, 1, "--");
  return name;
}

std::string first_word(const fs::path& file) {
  std::ifstream in(file);
  std::string word;
  in >> word;
  return word;
}

fs::path snapshot_of_main(const std::string& model, const fs::path& repository) {
  const auto revision = first_word(repository / "refs" / "main");
  if (revision.empty())
    throw UsageError(fmt::format("--model {}: {} has no refs/main; give a folder below snapshots/ itself", model,
                                 repository.string()));
  auto snapshot = repository / "snapshots" / revision;
  if (!is_folder(snapshot))
    throw UsageError(
        fmt::format("--model {}: the hub cache lacks {}; download the model again", model, snapshot.string()));
  return snapshot;
}

}  // namespace

std::optional<std::string> process_environment(std::string_view name) {
  const char* value = std::getenv(std::string{name}.c_str());
  return value ? std::optional<std::string>(value) : std::nullopt;
}

fs::path hub_cache(const Environment& environment) {
  const auto value = [&](std::string_view name) {
    auto found = environment(name);
    return found && !found->empty() ? std::optional<fs::path>(*found) : std::nullopt;
  };
  if (const auto cache = value("HF_HUB_CACHE")) return *cache;
  if (const auto home = value("HF_HOME")) return *home / "hub";
  if (const auto cache = value("XDG_CACHE_HOME")) return *cache / "huggingface" / "hub";
  return value("HOME").value_or("/") / ".cache" / "huggingface" / "hub";
}

fs::path resolve_model(const std::string& model, const Environment& environment) {
  if (is_folder(model)) return model;
  std::error_code ignored;
  if (fs::exists(model, ignored))
    throw UsageError(
        fmt::format("--model {}: this is a file; give the folder that holds config.json and the weights", model));
  if (!may_be_hub_name(model)) throw UsageError(fmt::format("--model {}: there is no such folder", model));
  const auto repository = hub_cache(environment) / repository_folder(model);
  if (!is_folder(repository))
    throw UsageError(
        fmt::format("--model {}: there is no such folder, and the hub cache has no {} (set HF_HUB_CACHE or "
                    "HF_HOME where it is elsewhere)",
                    model, repository.string()));
  return snapshot_of_main(model, repository);
}

}  // namespace modelpool::cli
