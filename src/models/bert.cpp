// SPDX-License-Identifier: Apache-2.0
#include "models/bert.hpp"

#include <ATen/ops/cat.h>

#include <fmt/format.h>

#include <array>
#include <limits>

#include "kernels/cpu/kernels.hpp"
#include "modelpool/error.hpp"
#include "nn/attention.hpp"
#include "nn/parallel.hpp"
#include "weights/tensors.hpp"

namespace modelpool::models {
namespace {

using Slot = nn::Workspace::Slot;

// ---- config.json
// -------------------------------------------------------------------------------------------------------

nn::Activation activation_of(const JsonFile& file) {
  const auto name = file.string("hidden_act").value_or("gelu");
  if (name == "gelu" || name == "gelu_python") return nn::Activation::gelu;
  // Three spellings of the tanh form.
  if (name == "gelu_new" || name == "gelu_fast" || name == "gelu_pytorch_tanh") return nn::Activation::gelu_new;
  if (name == "relu") return nn::Activation::relu;
  throw UnsupportedModel(file.path(), "hidden_act", name, {"gelu", "gelu_new", "gelu_pytorch_tanh", "relu"});
}

void refuse_other_kinds(const JsonFile& file) {
  const auto positions = file.string("position_embedding_type").value_or("absolute");
  if (positions != "absolute") throw UnsupportedModel(file.path(), "position_embedding_type", positions, {"absolute"});
  if (file.boolean("is_decoder").value_or(false)) throw UnsupportedModel(file.path(), "is_decoder", "true", {"false"});
}

}  // namespace

BertConfig BertConfig::from_json(const JsonFile& file) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  BertConfig config;
  const auto read = [&](std::string_view key, std::int64_t& value) {
    value = file.integer(key, 1, kMost).value_or(value);
  };
  read("vocab_size", config.vocab_size);
  read("hidden_size", config.hidden_size);
  read("num_hidden_layers", config.num_hidden_layers);
  read("num_attention_heads", config.num_attention_heads);
  read("intermediate_size", config.intermediate_size);
  read("max_position_embeddings", config.max_position_embeddings);
  read("type_vocab_size", config.type_vocab_size);
  config.layer_norm_eps = file.number("layer_norm_eps").value_or(config.layer_norm_eps);
  if (!(config.layer_norm_eps >= 0 && config.layer_norm_eps < 1))
    file.fail("layer_norm_eps", "should be from 0 to below 1");
  if (config.hidden_size % config.num_attention_heads != 0) {
    file.fail("num_attention_heads",
              fmt::format("{} does not divide hidden_size {}", config.num_attention_heads, config.hidden_size));
  }
  refuse_other_kinds(file);
  config.hidden_act = activation_of(file);
  return config;
}

// ---- layers
// ------------------------------------------------------------------------------------------------------------

at::Tensor BertEmbeddings::forward(const nn::RaggedBatch& batch, nn::Workspace& workspace) const {
  auto hidden_states = workspace.take(Slot::hidden_states, batch.num_tokens(), word_embeddings.size(1));
  float* out = hidden_states.mutable_data_ptr<float>();
  // A sequence's positions count from 0: the kernel walks the first rows of the table.
  nn::parallel_for(batch.num_sequences(), workspace.threads(), [&](std::int64_t b, int) {
    const auto begin = batch.cu_seqlens[static_cast<std::size_t>(b)];
    kernels::cpu::best().embedding(
        {.ids = batch.input_ids.data() + begin,
         .positions = nullptr,
         .type_ids = batch.token_type_ids.empty() ? nullptr : batch.token_type_ids.data() + begin,
         .word = word_embeddings.const_data_ptr<float>(),
         .position = position_embeddings.const_data_ptr<float>(),
         .type = token_type_embeddings.const_data_ptr<float>(),
         .norm = layer_norm.args(out + begin * hidden_states.size(1), batch.length(b))});
  });
  return hidden_states;
}

void BertLayer::forward(const at::Tensor& hidden_states, const nn::RaggedBatch& batch, nn::Workspace& workspace) const {
  const auto tokens = hidden_states.size(0);
  const auto hidden_size = hidden_states.size(1);

  const auto qkv = workspace.take(Slot::wide, tokens, 3 * hidden_size);
  query_key_value.forward(hidden_states, qkv, workspace);  // (T, 3 C)
  const auto context = workspace.take(Slot::context, tokens, hidden_size);
  nn::ragged_self_attention(qkv, context, batch, num_attention_heads, workspace);  // (T, C)
  const auto update = workspace.take(Slot::update, tokens, hidden_size);
  attention_output.forward(context, update, workspace);  // (T, C)
  attention_norm.add_and_norm(hidden_states, update, workspace);

  const auto inner = workspace.take(Slot::wide, tokens, intermediate.out_features());  // qkv has served
  intermediate.forward(hidden_states, inner, workspace);                               // (T, I)
  output.forward(inner, update, workspace);                                            // (T, C)
  output_norm.add_and_norm(hidden_states, update, workspace);
}

at::Tensor BertModel::forward(const nn::RaggedBatch& batch, nn::Workspace& workspace) const {
  auto hidden_states = embeddings_.forward(batch, workspace);
  for (const auto& layer : layers_) layer.forward(hidden_states, batch, workspace);
  return hidden_states;
}

// ---- names of the weights
// ----------------------------------------------------------------------------------------------

namespace {

// Takes tensors by the names of the reference, below a module's prefix.
class Loader {
 public:
  Loader(const BertConfig& config, Checkpoint& checkpoint) : config_(config), checkpoint_(checkpoint) {}

  [[nodiscard]] BertEmbeddings embeddings() {
    const auto C = config_.hidden_size;
    // The table of words is used in place: of a large vocabulary few rows are ever touched.
    const auto& words = checkpoint_.take("embeddings.word_embeddings.weight", {config_.vocab_size, C});
    return {
        .word_embeddings = tensor_from(words, at::kFloat),
        .position_embeddings = copied("embeddings.position_embeddings.weight", {config_.max_position_embeddings, C}),
        .token_type_embeddings = copied("embeddings.token_type_embeddings.weight", {config_.type_vocab_size, C}),
        .layer_norm = norm("embeddings.LayerNorm")};
  }

  [[nodiscard]] BertLayer layer(std::int64_t index) {
    const auto at = fmt::format("encoder.layer.{}.", index);
    const auto C = config_.hidden_size;
    const auto I = config_.intermediate_size;
    return {.num_attention_heads = config_.num_attention_heads,
            .query_key_value = fused(at + "attention.self."),
            .attention_output = linear(at + "attention.output.dense", {C, C}),
            .attention_norm = norm(at + "attention.output.LayerNorm"),
            .intermediate = linear(at + "intermediate.dense", {I, C}, config_.hidden_act),
            .output = linear(at + "output.dense", {C, I}),
            .output_norm = norm(at + "output.LayerNorm")};
  }

 private:
  using Shape = std::initializer_list<std::int64_t>;

  at::Tensor copied(const std::string& name, Shape shape) {
    return copy_from(checkpoint_.take(name, shape), at::kFloat);
  }

  nn::LayerNorm norm(const std::string& at) {
    const auto C = config_.hidden_size;
    return {copied(at + ".weight", {C}), copied(at + ".bias", {C}), config_.layer_norm_eps};
  }

  nn::Linear linear(const std::string& at, Shape shape, nn::Activation activation = nn::Activation::none) {
    const auto& weight = checkpoint_.take(at + ".weight", shape);
    nn::Linear layer{tensor_from(weight, at::kFloat), copied(at + ".bias", {*shape.begin()}), activation};
    weight.release_pages();  // it has been rearranged into memory of its own
    return layer;
  }

  nn::Linear fused(const std::string& at) {
    const auto C = config_.hidden_size;
    std::array<at::Tensor, 3> weights;  // (C, C) each
    std::array<at::Tensor, 3> biases;   // (C) each
    constexpr std::array<const char*, 3> kNames{"query", "key", "value"};
    for (std::size_t i = 0; i < 3; ++i) {
      const auto& weight = checkpoint_.take(at + kNames[i] + ".weight", {C, C});
      weights[i] = copy_from(weight, at::kFloat);
      weight.release_pages();
      biases[i] = copied(at + kNames[i] + ".bias", {C});
    }
    return {at::cat(weights), at::cat(biases)};  // (3 C, C), (3 C)
  }

  const BertConfig& config_;
  Checkpoint& checkpoint_;
};

}  // namespace

BertModel::BertModel(const BertConfig& config, Checkpoint& checkpoint) : config_(config) {
  Loader loader(config, checkpoint);
  embeddings_ = loader.embeddings();
  // Not reserved: the file says which layers there are, and the configuration may say anything.
  for (std::int64_t i = 0; i < config.num_hidden_layers; ++i) layers_.push_back(loader.layer(i));
}

CheckpointNames bert_tensor_names() {
  return {.base_prefix = "bert.",
          .ignorable = {"embeddings.position_ids", "pooler.*", "cls.*", "classifier.*", "qa_outputs.*"},
          .renamed_endings = {{".LayerNorm.gamma", ".LayerNorm.weight"}, {".LayerNorm.beta", ".LayerNorm.bias"}}};
}

// ---- sizes
// -------------------------------------------------------------------------------------------------------------

std::uint64_t BertModel::bytes() const noexcept {
  std::uint64_t sum = embeddings_.word_embeddings.nbytes() + embeddings_.position_embeddings.nbytes() +
                      embeddings_.token_type_embeddings.nbytes() + embeddings_.layer_norm.bytes();
  for (const auto& layer : layers_) {
    sum += layer.query_key_value.bytes() + layer.attention_output.bytes() + layer.attention_norm.bytes() +
           layer.intermediate.bytes() + layer.output.bytes() + layer.output_norm.bytes();
  }
  return sum;
}

}  // namespace modelpool::models
