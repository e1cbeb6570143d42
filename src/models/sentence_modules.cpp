// SPDX-License-Identifier: Apache-2.0
#include "models/sentence_modules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>

#include "kernels/cpu/kernels.hpp"
#include "modelpool/error.hpp"
#include "models/json_file.hpp"
#include "models/module_loader.hpp"
#include "models/pooling.hpp"

namespace modelpool::models {
namespace {

float identity(float x) { return x; }
float hyperbolic_tangent(float x) { return std::tanh(x); }
float relu(float x) { return std::max(x, 0.0f); }
float gelu(float x) { return 0.5f * x * (1.0f + std::erf(x * 0.70710678118654752f)); }
float sigmoid(float x) { return 1.0f / (1.0f + std::exp(-x)); }
float silu(float x) { return x * sigmoid(x); }
float elu(float x) { return x > 0 ? x : std::expm1(x); }
float leaky_relu(float x) { return x > 0 ? x : 0.01f * x; }

struct NamedFunction {
  const char* name;
  float (*function)(float);
};

// Classes of torch.nn, with their default arguments: a folder cannot give others.
constexpr std::array<NamedFunction, 8> kFunctions{{{"Identity", identity},
                                                   {"Tanh", hyperbolic_tangent},
                                                   {"ReLU", relu},
                                                   {"GELU", gelu},
                                                   {"Sigmoid", sigmoid},
                                                   {"SiLU", silu},
                                                   {"ELU", elu},
                                                   {"LeakyReLU", leaky_relu}}};

// "torch.nn.modules.activation.Tanh": the package that a class lies in differs by release.
DenseActivation activation_of(const JsonFile& file) {
  const auto name = file.string("activation_function").value_or("torch.nn.modules.activation.Tanh");
  const auto simple = name.substr(name.rfind('.') + 1);
  const auto found = std::ranges::find_if(kFunctions, [&](const NamedFunction& f) { return simple == f.name; });
  if (name.starts_with("torch.nn.") && found != kFunctions.end()) return {simple, found->function};
  std::vector<std::string> supported;
  for (const auto& f : kFunctions) supported.emplace_back(fmt::format("torch.nn.{}", f.name));
  throw UnsupportedModel(file.path(), "activation_function", name, supported);
}

// Modules may be told to work on the vectors of tokens instead.
void require_sentence_embedding(const JsonFile& file) {
  for (const auto* key : {"module_input_name", "module_output_name"}) {
    const auto name = file.string(key).value_or("sentence_embedding");
    if (name != "sentence_embedding") throw UnsupportedModel(file.path(), key, name, {"sentence_embedding"});
  }
}

std::int64_t size_of(const JsonFile& file, const char* key) {
  const auto size = file.integer(key, 1, std::numeric_limits<std::int32_t>::max());
  if (!size) file.fail(key, "is missing");
  return *size;
}

}  // namespace

SentenceModuleConfig SentenceModuleConfig::dense(const std::filesystem::path& folder) {
  const auto file = JsonFile::read(folder / "config.json");
  require_sentence_embedding(file.require_object());
  return {.kind = Kind::dense,
          .folder = folder,
          .file = file.path(),
          .in_features = size_of(file, "in_features"),
          .out_features = size_of(file, "out_features"),
          .has_bias = file.boolean("bias").value_or(true),
          .use_residual = file.boolean("use_residual").value_or(false),
          .activation = activation_of(file)};
}

SentenceModuleConfig SentenceModuleConfig::layer_norm(const std::filesystem::path& folder) {
  const auto file = JsonFile::read(folder / "config.json");
  const auto size = size_of(file.require_object(), "dimension");
  return {.kind = Kind::layer_norm, .folder = folder, .file = file.path(), .in_features = size, .out_features = size};
}

// It needs no settings: its folder may be absent.
SentenceModuleConfig SentenceModuleConfig::normalize(const std::filesystem::path& folder) {
  if (const auto file = JsonFile::read_if_present(folder / "config.json")) {
    require_sentence_embedding(file->require_object());
  }
  return {};
}

std::int64_t SentenceModuleConfig::size_after(std::int64_t size) const {
  if (in_features != 0 && in_features != size) {
    throw LoadError(file, kind == Kind::dense ? "in_features" : "dimension", {},
                    fmt::format("{} is not what comes before this module, vectors of {} numbers", in_features, size));
  }
  return out_features == 0 ? size : out_features;
}

std::string SentenceModuleConfig::describe() const {
  if (kind == Kind::normalize) return "Normalize";
  if (kind == Kind::layer_norm) return fmt::format("LayerNorm {}", out_features);
  return fmt::format("Dense {} -> {}, {}{}{}", in_features, out_features, activation.name,
                     has_bias ? "" : ", without bias", use_residual ? ", residual" : "");
}

SentenceModule::SentenceModule(const SentenceModuleConfig& config, Checkpoint* checkpoint) : config_(config) {
  if (!checkpoint) return;
  ModuleLoader loader(*checkpoint);
  if (config.kind == SentenceModuleConfig::Kind::layer_norm) {
    norm_ = loader.norm("norm", config.out_features, 1e-5);
  } else {
    const auto load = [&](const char* name, bool has_bias) {
      return has_bias ? loader.linear(name, {config.out_features, config.in_features})
                      : loader.linear_without_bias(name, {config.out_features, config.in_features});
    };
    linear_ = load("linear", config.has_bias);
    if (config.use_residual && config.in_features != config.out_features) residual_ = load("residual", false);
  }
  checkpoint->finish();
}

void SentenceModule::apply(std::vector<float>& values, bool normalize, nn::Workspace& workspace) const {
  switch (config_.kind) {
    case SentenceModuleConfig::Kind::dense:
      values = dense(values, workspace);
      return;
    case SentenceModuleConfig::Kind::layer_norm: {
      auto args = norm_.args(values.data(), 1);
      args.x = values.data();
      return kernels::cpu::best().layer_norm(args);
    }
    case SentenceModuleConfig::Kind::normalize:
      if (normalize) models::normalize(values);
      return;
  }
}

std::vector<float> SentenceModule::dense(const std::vector<float>& values, nn::Workspace& workspace) const {
  const auto product = [&](const nn::Linear& layer) {
    workspace.reserve_scratch(static_cast<std::int64_t>(layer.scratch_bytes() / sizeof(float) + 1));
    std::vector<float> result(static_cast<std::size_t>(config_.out_features));
    layer.forward_rows(values.data(), 1, result.data(), workspace.scratch(0));
    return result;
  };
  auto result = product(linear_);
  std::ranges::transform(result, result.begin(), config_.activation.apply);
  if (config_.use_residual) {
    const auto added = config_.in_features == config_.out_features ? values : product(residual_);
    std::ranges::transform(result, added, result.begin(), std::plus{});
  }
  return result;
}

}  // namespace modelpool::models
