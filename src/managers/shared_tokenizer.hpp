// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>

#include "modelpool/tokenizers/tokenizer.hpp"

namespace modelpool::detail {

/// The tokenizer of a folder, one for all managers of the process while its files are the same.
/// @throws as Tokenizer::from_folder
[[nodiscard]] std::shared_ptr<const Tokenizer> shared_tokenizer(const std::filesystem::path& folder);

}  // namespace modelpool::detail
