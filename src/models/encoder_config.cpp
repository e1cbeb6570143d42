// SPDX-License-Identifier: Apache-2.0
#include "models/encoder_config.hpp"

#include <fmt/format.h>

#include <limits>
#include <utility>

#include "modelpool/error.hpp"

namespace modelpool::models {
namespace {

nn::Activation activation_of(const JsonFile& file, const char* key) {
  const auto name = file.string(key).value_or("gelu");
  if (name == "gelu" || name == "gelu_python") return nn::Activation::gelu;
  // Three spellings of the tanh form.
  if (name == "gelu_new" || name == "gelu_fast" || name == "gelu_pytorch_tanh") return nn::Activation::gelu_new;
  if (name == "relu") return nn::Activation::relu;
  throw UnsupportedModel(file.path(), key, name, {"gelu", "gelu_new", "gelu_pytorch_tanh", "relu"});
}

}  // namespace

std::string EncoderConfig::key() const {
  return fmt::format("{} C={} L={} A={} I={} V={} P={} T={} eps={} act={}", model_type, hidden_size, num_hidden_layers,
                     num_attention_heads, intermediate_size, vocab_size, max_position_embeddings, type_vocab_size,
                     layer_norm_eps, static_cast<int>(hidden_act));
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

void require_encoder(const JsonFile& file) {
  const auto positions = file.string("position_embedding_type").value_or("absolute");
  if (positions != "absolute") throw UnsupportedModel(file.path(), "position_embedding_type", positions, {"absolute"});
  if (file.boolean("is_decoder").value_or(false)) throw UnsupportedModel(file.path(), "is_decoder", "true", {"false"});
}

}  // namespace modelpool::models
