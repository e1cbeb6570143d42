// SPDX-License-Identifier: Apache-2.0
#include "weights/checkpoint.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "modelpool/error.hpp"
#include "weights/torch_file.hpp"

namespace modelpool {
namespace {

namespace fs = std::filesystem;

/// Whether `text` is what `pattern` describes, where '*' stands for any text.
bool matches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;  // last '*' seen, and the place in text that it is tried to reach
  std::size_t reach = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      reach = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++reach;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

std::string shape_text(std::span<const std::int64_t> shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

/// What each format calls its files: one, or an index of several.
constexpr const char* kSafetensors = "model.safetensors";
constexpr const char* kSafetensorsIndex = "model.safetensors.index.json";
constexpr const char* kTorch = "pytorch_model.bin";
constexpr const char* kTorchIndex = "pytorch_model.bin.index.json";

detail::TensorFile open_safetensors(const fs::path& folder) {
  const auto opened = Safetensors::open_folder(folder);
  return {{opened.tensors().begin(), opened.tensors().end()}, {}, {opened.identity().begin(), opened.identity().end()}};
}

[[noreturn]] void refuse_without_weights(const fs::path& folder) {
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored))
    throw LoadError{folder.string(), "", std::nullopt, "is not a folder that can be read"};
  for (const char* name : {"tf_model.h5", "flax_model.msgpack", "model.onnx"})
    if (detail::is_there(folder / name))
      throw UnsupportedModel{
          folder.string(), "weight file", name, {kSafetensors, kSafetensorsIndex, kTorch, kTorchIndex}};
  throw LoadError{
      folder.string(), "", std::nullopt,
      fmt::format("has no weights: neither {}, {}, {} nor {}", kSafetensors, kSafetensorsIndex, kTorch, kTorchIndex)};
}

}  // namespace

Checkpoint Checkpoint::open(const fs::path& folder, CheckpointNames names) {
  const auto there = [&](const char* name) { return detail::is_there(folder / name); };
  const auto open = [&](const char* name, detail::TensorFile file) {
    return Checkpoint{std::move(file), (folder / name).string(), std::move(names)};
  };
  if (there(kSafetensors)) return open(kSafetensors, open_safetensors(folder));
  if (there(kSafetensorsIndex)) return open(kSafetensorsIndex, open_safetensors(folder));
  if (there(kTorch)) return open(kTorch, detail::open_torch_file(folder / kTorch));
  if (there(kTorchIndex)) return open(kTorchIndex, detail::open_shards(folder / kTorchIndex, detail::open_torch_file));
  refuse_without_weights(folder);
}

Checkpoint::Checkpoint(detail::TensorFile file, std::string source, CheckpointNames names)
    : file_(std::make_shared<const detail::TensorFile>(std::move(file))),
      source_(std::move(source)),
      names_(std::move(names)) {
  for (const auto& tensor : file_->tensors) {
    const auto [at, is_new] = entries_.emplace(canonical(tensor.name), Entry{&tensor});
    if (!is_new)
      throw LoadError{tensor.file, tensor.name, tensor.file_offset,
                      fmt::format("means the same tensor as {}", at->second.tensor->name)};
  }
}

std::string Checkpoint::canonical(std::string_view name) const {
  if (!names_.base_prefix.empty() && name.starts_with(names_.base_prefix))
    name.remove_prefix(names_.base_prefix.size());
  for (const auto& [old_ending, new_ending] : names_.renamed_endings)
    if (name.ends_with(old_ending)) return std::string{name.substr(0, name.size() - old_ending.size())} + new_ending;
  return std::string{name};
}

const StoredTensor* Checkpoint::take_if_there(std::string_view name, std::span<const std::int64_t> expected_shape) {
  const auto at = entries_.find(name);
  if (at == entries_.end()) return nullptr;
  const auto& tensor = *at->second.tensor;
  if (!std::ranges::equal(tensor.shape, expected_shape))
    throw LoadError{tensor.file, tensor.name, tensor.file_offset,
                    fmt::format("has shape {}, but by config.json it must have {}", shape_text(tensor.shape),
                                shape_text(expected_shape))};
  at->second.taken = true;
  return &tensor;
}

const StoredTensor& Checkpoint::take(std::string_view name, std::span<const std::int64_t> expected_shape) {
  if (const auto* tensor = take_if_there(name, expected_shape)) return *tensor;
  throw LoadError{
      source_, std::string(name), std::nullopt,
      fmt::format("this tensor is missing (expected shape {}); is the folder complete, and is it of this architecture?",
                  shape_text(expected_shape))};
}

bool Checkpoint::contains(std::string_view name) const { return entries_.contains(name); }

bool Checkpoint::is_ignorable(std::string_view canonical_name) const {
  return std::ranges::any_of(names_.ignorable,
                             [&](const std::string& pattern) { return matches(pattern, canonical_name); });
}

void Checkpoint::finish() const {
  constexpr std::size_t kMostShown = 5;
  std::vector<const StoredTensor*> unknown;
  for (const auto& [name, entry] : entries_)
    if (!entry.taken && !is_ignorable(name)) unknown.push_back(entry.tensor);
  if (unknown.empty()) return;
  std::vector<std::string_view> shown;
  for (const auto* tensor : std::span{unknown}.first(std::min(unknown.size(), kMostShown)))
    shown.push_back(tensor->name);
  throw LoadError{
      unknown.front()->file, unknown.front()->name, unknown.front()->file_offset,
      fmt::format("the architecture does not use {} tensor(s) of this file: {}{}; is it of another architecture?",
                  unknown.size(), fmt::join(shown, ", "), unknown.size() > kMostShown ? ", ..." : "")};
}

std::vector<std::string> Checkpoint::ignored() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries_)
    if (!entry.taken) names.push_back(entry.tensor->name);
  std::ranges::sort(names);
  return names;
}

std::uint64_t Checkpoint::parameters() const {
  std::uint64_t sum = 0;
  std::set<const std::byte*> seen;
  for (const auto& [name, entry] : entries_)
    if (entry.taken && seen.insert(entry.tensor->data.data()).second)
      sum += static_cast<std::uint64_t>(entry.tensor->num_elements());
  return sum;
}

}  // namespace modelpool
