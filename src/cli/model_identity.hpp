// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "cli/sha256.hpp"

namespace modelpool::cli {

/// Adds what tells the files of a model folder from all others, links followed: of each file its name, size, inode and
/// times, and of one of up to 1 MiB (configuration, vocabulary) its contents as well. Take it before the model is loaded:
/// then a file that is replaced meanwhile gives an identity that never comes back.
/// @throws std::exception  if the folder cannot be read, or holds more than 10,000 files
void add_model_files(Sha256& hash, const std::filesystem::path& folder);

/// Adds what tells this build of the program and of the libraries that it has loaded from all others: the times, sizes and
/// inodes of their files. Another build may compute other numbers.
void add_program(Sha256& hash);

}  // namespace modelpool::cli
