// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace modelpool::cli {

using Environment = std::function<std::optional<std::string>(std::string_view name)>;

/// Of this process.
[[nodiscard]] std::optional<std::string> process_environment(std::string_view name);

/// Where the Hugging Face libraries keep their downloads: HF_HUB_CACHE, else HF_HOME/hub, else
/// XDG_CACHE_HOME/huggingface/hub, else ~/.cache/huggingface/hub.
[[nodiscard]] std::filesystem::path hub_cache(const Environment& environment);

/// The folder that --model means: a folder of that name, else the snapshot of `main` of org/name in the hub's cache.
/// @throws UsageError  naming what was looked for, and where
[[nodiscard]] std::filesystem::path resolve_model(const std::string& model, const Environment& environment);

}  // namespace modelpool::cli
