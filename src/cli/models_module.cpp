// SPDX-License-Identifier: Apache-2.0
#include "cli/models_module.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <array>
#include <filesystem>

#include "cli/arguments.hpp"

namespace modelpool::cli {
namespace fs = std::filesystem;
namespace {

constexpr const char* kEntry = "modelpool_cli_run_command";

fs::path find_module() {
  const auto program_folder = fs::read_symlink("/proc/self/exe").parent_path();
  const std::array candidates{program_folder / MODELPOOL_CLI_MODULE,
                              (program_folder / MODELPOOL_CLI_INSTALLED_MODULE).lexically_normal()};
  for (const auto& candidate : candidates)
    if (fs::exists(candidate)) return candidate;
  throw UsageError(fmt::format("neither {} nor {} is there: build or install modelpool again", candidates[0].string(),
                               candidates[1].string()));
}

}  // namespace

int run_in_models_module(CommandContext& context) {
  const auto file = find_module();
  void* module = ::dlopen(file.c_str(), RTLD_LAZY | RTLD_LOCAL);  // never closed: LibTorch cannot be unloaded
  void* entry = module ? ::dlsym(module, kEntry) : nullptr;
  if (!entry) throw UsageError(fmt::format("cannot load the part that runs models: {}", ::dlerror()));
  return reinterpret_cast<decltype(&modelpool_cli_run_command)>(entry)(&context);
}

}  // namespace modelpool::cli
