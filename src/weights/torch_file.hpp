// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "modelpool/weights/safetensors.hpp"
#include "weights/tensor_file.hpp"

/// Reading of what torch.save writes of a dictionary of tensors, `pytorch_model.bin`, without LibTorch and without
/// running anything that is in it.
///
/// A file is a zip archive (since torch 1.6) with the pickle `data.pkl` and an entry `data/KEY` for each storage; or, older,
/// a stream of pickles with the storages behind them. Reference: torch/serialization.py of torch 2.11, and _legacy_load.
namespace modelpool::detail {

/// Maps one file. Tensors whose storage is shared lie at the same place.
/// @throws LoadError  the file cannot be opened, is a git-LFS pointer, is no such file or a damaged one, asks for
///                    anything but tensors (which is named), or describes a tensor that is not within its storage
[[nodiscard]] TensorFile open_torch_file(const std::filesystem::path& path);

/// Reads a whole file that is in memory already; the user keeps the bytes for as long as the tensors are used.
/// @param name  stands for the file in messages
[[nodiscard]] std::vector<StoredTensor> parse_torch_file(std::span<const std::byte> bytes, const std::string& name);

}  // namespace modelpool::detail
