// SPDX-License-Identifier: Apache-2.0
#include "models/encoder_config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include "modelpool/error.hpp"

namespace modelpool::models {
namespace {

using nn::Activation;

struct NamedActivation {
  std::string_view name;
  Activation activation;
};

// The names that transformers has for them.
constexpr std::array<NamedActivation, 13> kActivations{{
    {"gelu", Activation::gelu},
    {"gelu_python", Activation::gelu},
    {"gelu_new", Activation::gelu_new},
    {"gelu_fast", Activation::gelu_new},  // this and the next three: the same function, computed in other orders
    {"gelu_pytorch_tanh", Activation::gelu_new},
    {"gelu_python_tanh", Activation::gelu_new},
    {"gelu_accurate", Activation::gelu_new},
    {"quick_gelu", Activation::quick_gelu},
    {"relu", Activation::relu},
    {"silu", Activation::silu},
    {"swish", Activation::silu},
    {"tanh", Activation::tanh},
    {"linear", Activation::none},
}};

Activation activation_of(const JsonFile& file, const char* key) {
  const auto name = file.string(key).value_or("gelu");
  const auto found = std::ranges::find(kActivations, name, &NamedActivation::name);
  if (found != kActivations.end()) return found->activation;
  std::vector<std::string> supported;
  for (const auto& one : kActivations) supported.emplace_back(one.name);
  throw UnsupportedModel(file.path(), key, name, supported);
}

// A boolean of a configuration that must not be true.
void refuse(const JsonFile& file, const char* key) {
  if (file.boolean(key).value_or(false)) throw UnsupportedModel(file.path(), key, "true", {"false"});
}

// A list or an object that must be empty.
void refuse_content(const JsonFile& file, const char* key) {
  if (file.has(key) && !file.root()[key].empty()) throw UnsupportedModel(file.path(), key, "a value", {"none"});
}

}  // namespace

std::string EncoderConfig::key() const {
  return fmt::format("{} C={} L={} A={} I={} V={} P={} T={} eps={} act={} pad={} B={}", model_type, hidden_size,
                     num_hidden_layers, num_attention_heads, intermediate_size, vocab_size, max_position_embeddings,
                     type_vocab_size, layer_norm_eps, static_cast<int>(hidden_act), padding_idx.value_or(-1),
                     relative_attention_num_buckets);
}

EncoderConfig read_sizes(const JsonFile& file, EncoderConfig config, const EncoderKeys& keys) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  const auto read = [&](const char* key, std::int64_t& value) { value = file.integer(key, 1, kMost).value_or(value); };
  read("vocab_size", config.vocab_size);
  read(keys.hidden_size, config.hidden_size);
  read(keys.num_hidden_layers, config.num_hidden_layers);
  read(keys.num_attention_heads, config.num_attention_heads);
  read(keys.intermediate_size, config.intermediate_size);
  read("max_position_embeddings", config.max_position_embeddings);
  if (config.hidden_size % config.num_attention_heads != 0) {
    file.fail(keys.num_attention_heads, fmt::format("{} does not divide {} {}", config.num_attention_heads,
                                                    keys.hidden_size, config.hidden_size));
  }
  config.hidden_act = activation_of(file, keys.hidden_act);
  return config;
}

double read_layer_norm_eps(const JsonFile& file, double otherwise) {
  const auto eps = file.number("layer_norm_eps").value_or(otherwise);
  if (!(eps >= 0 && eps < 1)) file.fail("layer_norm_eps", "should be from 0 to below 1");
  return eps;
}

std::int64_t read_type_vocab_size(const JsonFile& file, std::int64_t otherwise) {
  return file.integer("type_vocab_size", 0, std::numeric_limits<std::int32_t>::max()).value_or(otherwise);
}

std::int64_t read_padding_idx(const JsonFile& file, const EncoderConfig& config, std::int64_t otherwise) {
  const auto most = std::min(config.vocab_size - 1, config.max_position_embeddings - 2);
  const auto padding_idx = file.integer("pad_token_id", 0, std::max<std::int64_t>(most, 0)).value_or(otherwise);
  if (padding_idx <= most) return padding_idx;
  file.fail("max_position_embeddings", "leaves no position for a token");
}

void require_encoder(const JsonFile& file) {
  const auto positions = file.string("position_embedding_type").value_or("absolute");
  if (positions != "absolute") throw UnsupportedModel(file.path(), "position_embedding_type", positions, {"absolute"});
  for (const auto* key : {"is_decoder", "add_cross_attention", "is_encoder_decoder"}) refuse(file, key);
  for (const auto* key : {"pruned_heads", "quantization_config"}) refuse_content(file, key);
}

}  // namespace modelpool::models
