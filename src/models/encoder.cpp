// SPDX-License-Identifier: Apache-2.0
#include "models/encoder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <system_error>

#include "kernels/cpu/kernels.hpp"
#include "modelpool/error.hpp"
#include "models/bert.hpp"
#include "models/distilbert.hpp"
#include "models/mpnet.hpp"
#include "models/roberta.hpp"
#include "models/torch_encoder.hpp"
#include "nn/parallel.hpp"
#include "nn/precision.hpp"
#include "weights/tensors.hpp"

namespace modelpool::models {

using Slot = nn::Workspace::Slot;

// ---- architectures
// -----------------------------------------------------------------------------------------------------

namespace {

std::array<const EncoderArchitecture*, 4> architectures() { return {&bert(), &roberta(), &mpnet(), &distilbert()}; }

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

std::string first_architecture(const JsonFile& file) {
  const auto it = file.root().find("architectures");
  if (it == file.root().end() || !it->is_array() || it->empty() || !it->front().is_string()) return "";
  return it->front().get<std::string>();
}

void check_folder(const std::filesystem::path& folder) {
  using std::filesystem::file_type;
  std::error_code error;
  const auto type = std::filesystem::status(folder, error).type();
  if (type == file_type::directory) return;
  const auto fail = [&](const std::string& problem) { throw LoadError(folder.string(), "", {}, problem); };
  if (type == file_type::not_found)
    fail("there is no such folder; give a folder with config.json, weights and tokenizer");
  if (error) fail(fmt::format("cannot be read: {}", error.message()));
  fail("is not a folder; give the folder with config.json, weights and tokenizer");
}

// ---- embeddings
// --------------------------------------------------------------------------------------------------------

std::vector<std::int32_t> positions_of(const nn::RaggedBatch& batch, const EncoderConfig& config) {
  std::vector<std::int32_t> positions;
  positions.reserve(batch.input_ids.size());
  for (std::int64_t b = 0; b < batch.num_sequences(); ++b) {
    auto next = static_cast<std::int32_t>(config.first_position());
    for (auto t = batch.cu_seqlens[static_cast<std::size_t>(b)]; t < batch.cu_seqlens[static_cast<std::size_t>(b) + 1];
         ++t) {
      const bool is_padding = batch.input_ids[static_cast<std::size_t>(t)] == config.padding_idx;
      positions.push_back(is_padding ? static_cast<std::int32_t>(*config.padding_idx) : next++);
    }
  }
  return positions;
}

EncoderEmbeddings::EncoderEmbeddings(const EncoderConfig& config, ModuleLoader& loader) : config_(config) {
  const auto C = config.hidden_size;
  word_embeddings_ = loader.table_as_stored("embeddings.word_embeddings.weight", {config.vocab_size, C});
  position_embeddings_ = loader.copied("embeddings.position_embeddings.weight", {config.max_position_embeddings, C});
  if (config.type_vocab_size > 0) {
    token_type_embeddings_ = loader.copied("embeddings.token_type_embeddings.weight", {config.type_vocab_size, C});
  }
  layer_norm_ = loader.norm("embeddings.LayerNorm", C, config.layer_norm_eps);
}

at::Tensor EncoderEmbeddings::forward(const nn::RaggedBatch& batch, nn::Workspace& workspace) const {
  auto hidden_states = workspace.take(Slot::hidden_states, batch.num_tokens(), word_embeddings_.size(1));
  const auto& padding = config_.padding_idx;
  const bool around_padding = padding && std::ranges::find(batch.input_ids, *padding) != batch.input_ids.end();
  const auto positions = around_padding ? positions_of(batch, config_) : std::vector<std::int32_t>{};
  float* out = hidden_states.mutable_data_ptr<float>();
  nn::parallel_for(batch.num_sequences(), workspace.threads(), [&](std::int64_t sequence, int) {
    embed_sequence(batch, sequence, positions.empty() ? nullptr : positions.data(), out);
  });
  return hidden_states;
}

namespace {

kernels::cpu::TableType table_type(const at::Tensor& table) {
  if (table.scalar_type() == at::kHalf) return kernels::cpu::TableType::float16;
  if (table.scalar_type() == at::kBFloat16) return kernels::cpu::TableType::bfloat16;
  return kernels::cpu::TableType::float32;
}

}  // namespace

// Without `positions` the kernel walks through the rows of the table from the first position on.
void EncoderEmbeddings::embed_sequence(const nn::RaggedBatch& batch, std::int64_t sequence,
                                       const std::int32_t* positions, float* out) const {
  const auto begin = batch.cu_seqlens[static_cast<std::size_t>(sequence)];
  const auto C = word_embeddings_.size(1);
  const float* const table = position_embeddings_.const_data_ptr<float>();
  kernels::cpu::best().embedding(
      {.ids = batch.input_ids.data() + begin,
       .positions = positions ? positions + begin : nullptr,
       .type_ids = batch.token_type_ids.empty() ? nullptr : batch.token_type_ids.data() + begin,
       .word = word_embeddings_.const_data_ptr(),
       .position = positions ? table : table + config_.first_position() * C,
       .type = token_type_embeddings_.defined() ? token_type_embeddings_.const_data_ptr<float>() : nullptr,
       .norm = layer_norm_.args(out + begin * C, batch.length(sequence)),
       .word_type = table_type(word_embeddings_)});
}

std::uint64_t EncoderEmbeddings::bytes() const noexcept {
  const auto types = token_type_embeddings_.defined() ? token_type_embeddings_.nbytes() : 0;
  return word_embeddings_.nbytes() + position_embeddings_.nbytes() + types + layer_norm_.bytes();
}

// ---- the encoder
// -------------------------------------------------------------------------------------------------------

namespace {

EncoderEmbeddings embeddings_of(const EncoderConfig& config, Checkpoint& checkpoint) {
  ModuleLoader loader(checkpoint);
  return {config, loader};
}

}  // namespace

std::unique_ptr<const TextEncoder> make_encoder(const EncoderConfig& config, const EncoderArchitecture& architecture,
                                                Checkpoint& checkpoint, EncoderPlace place) {
  if (place.device.kind == Device::Kind::cpu) {
    return std::make_unique<const Encoder>(config, architecture, checkpoint, nn::precision_of(place.dtype));
  }
  const at::Device device(at::kCUDA, static_cast<c10::DeviceIndex>(place.device.index));
  return std::make_unique<const TorchEncoder>(config, architecture, checkpoint,
                                              TorchPlace{device, scalar_type(place.dtype)});
}

Encoder::Encoder(const EncoderConfig& config, const EncoderArchitecture& architecture, Checkpoint& checkpoint,
                 nn::Precision precision)
    : embeddings_(embeddings_of(config, checkpoint)) {
  ModuleLoader loader(checkpoint, precision);
  if (architecture.relative_bias) relative_bias_ = architecture.relative_bias(config, loader);
  // Not reserved: the file says which layers there are, and the configuration may say anything.
  for (std::int64_t i = 0; i < config.num_hidden_layers; ++i) {
    layers_.emplace_back(config, architecture.layer, fmt::format("{}{}.", architecture.layers, i), relative_bias_,
                         loader);
  }
}

at::Tensor Encoder::forward(const nn::RaggedBatch& batch, nn::Workspace& workspace) const {
  auto hidden_states = embeddings_.forward(batch, workspace);
  for (const auto& layer : layers_) layer.forward(hidden_states, batch, workspace);
  return hidden_states;
}

std::uint64_t Encoder::bytes() const noexcept {
  auto sum = embeddings_.bytes() + (relative_bias_.values.defined() ? relative_bias_.bytes() : 0);
  for (const auto& layer : layers_) sum += layer.bytes();
  return sum;
}

}  // namespace modelpool::models
