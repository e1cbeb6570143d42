// SPDX-License-Identifier: Apache-2.0
#include "models/encoder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "kernels/cpu/kernels.hpp"
#include "modelpool/error.hpp"
#include "models/bert.hpp"
#include "nn/parallel.hpp"

namespace modelpool::models {

using Slot = nn::Workspace::Slot;

// ---- architectures
// -----------------------------------------------------------------------------------------------------

namespace {

std::array<const EncoderArchitecture*, 1> architectures() { return {&bert()}; }

}  // namespace

const EncoderArchitecture& architecture_of(const JsonFile& file) {
  const auto type = file.string("model_type");
  if (!type) file.fail("model_type", "is missing; it says which kind of model this is");
  std::vector<std::string> supported;
  for (const auto* architecture : architectures()) {
    const auto& types = architecture->model_types;
    if (std::ranges::find(types, *type) != types.end()) return *architecture;
    supported.insert(supported.end(), types.begin(), types.end());
  }
  throw UnsupportedModel(file.path(), "model_type", *type, supported);
}

// ---- embeddings
// --------------------------------------------------------------------------------------------------------

EncoderEmbeddings::EncoderEmbeddings(const EncoderConfig& config, ModuleLoader& loader) {
  const auto C = config.hidden_size;
  word_embeddings_ = loader.table("embeddings.word_embeddings.weight", {config.vocab_size, C});
  position_embeddings_ = loader.copied("embeddings.position_embeddings.weight", {config.max_position_embeddings, C});
  token_type_embeddings_ = loader.copied("embeddings.token_type_embeddings.weight", {config.type_vocab_size, C});
  layer_norm_ = loader.norm("embeddings.LayerNorm", C, config.layer_norm_eps);
}

at::Tensor EncoderEmbeddings::forward(const nn::RaggedBatch& batch, nn::Workspace& workspace) const {
  auto hidden_states = workspace.take(Slot::hidden_states, batch.num_tokens(), word_embeddings_.size(1));
  float* out = hidden_states.mutable_data_ptr<float>();
  nn::parallel_for(batch.num_sequences(), workspace.threads(),
                   [&](std::int64_t sequence, int) { embed_sequence(batch, sequence, out); });
  return hidden_states;
}

// A sequence's positions count from 0: the kernel walks the first rows of the table.
void EncoderEmbeddings::embed_sequence(const nn::RaggedBatch& batch, std::int64_t sequence, float* out) const {
  const auto begin = batch.cu_seqlens[static_cast<std::size_t>(sequence)];
  kernels::cpu::best().embedding(
      {.ids = batch.input_ids.data() + begin,
       .positions = nullptr,
       .type_ids = batch.token_type_ids.empty() ? nullptr : batch.token_type_ids.data() + begin,
       .word = word_embeddings_.const_data_ptr<float>(),
       .position = position_embeddings_.const_data_ptr<float>(),
       .type = token_type_embeddings_.const_data_ptr<float>(),
       .norm = layer_norm_.args(out + begin * word_embeddings_.size(1), batch.length(sequence))});
}

std::uint64_t EncoderEmbeddings::bytes() const noexcept {
  return word_embeddings_.nbytes() + position_embeddings_.nbytes() + token_type_embeddings_.nbytes() +
         layer_norm_.bytes();
}

// ---- the encoder
// -------------------------------------------------------------------------------------------------------

namespace {

EncoderEmbeddings embeddings_of(const EncoderConfig& config, Checkpoint& checkpoint) {
  ModuleLoader loader(checkpoint);
  return {config, loader};
}

}  // namespace

Encoder::Encoder(const EncoderConfig& config, const EncoderArchitecture& architecture, Checkpoint& checkpoint,
                 nn::Precision precision)
    : embeddings_(embeddings_of(config, checkpoint)) {
  ModuleLoader loader(checkpoint, precision);
  // Not reserved: the file says which layers there are, and the configuration may say anything.
  for (std::int64_t i = 0; i < config.num_hidden_layers; ++i) {
    layers_.emplace_back(config, architecture.layer, fmt::format("{}{}.", architecture.layers, i), nn::RelativeBias{},
                         loader);
  }
}

at::Tensor Encoder::forward(const nn::RaggedBatch& batch, nn::Workspace& workspace) const {
  auto hidden_states = embeddings_.forward(batch, workspace);
  for (const auto& layer : layers_) layer.forward(hidden_states, batch, workspace);
  return hidden_states;
}

std::uint64_t Encoder::bytes() const noexcept {
  auto sum = embeddings_.bytes();
  for (const auto& layer : layers_) sum += layer.bytes();
  return sum;
}

}  // namespace modelpool::models
