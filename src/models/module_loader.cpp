// SPDX-License-Identifier: Apache-2.0
#include "models/module_loader.hpp"

#include <ATen/ops/empty.h>

#include "weights/tensors.hpp"

namespace modelpool::models {

at::Tensor ModuleLoader::table(const std::string& name, Shape shape) {
  return tensor_from(checkpoint_.take(name, shape), at::kFloat);
}

at::Tensor ModuleLoader::table_as_stored(const std::string& name, Shape shape) {
  const auto& stored = checkpoint_.take(name, shape);
  if (stored.type == ElementType::f16) return tensor_from(stored, at::kHalf);
  if (stored.type == ElementType::bf16) return tensor_from(stored, at::kBFloat16);
  return tensor_from(stored, at::kFloat);
}

at::Tensor ModuleLoader::copied(const std::string& name, Shape shape) {
  return copy_from(checkpoint_.take(name, shape), at::kFloat);
}

nn::LayerNorm ModuleLoader::norm(const std::string& name, std::int64_t features, double eps) {
  return {copied(name + ".weight", {features}), copied(name + ".bias", {features}), eps};
}

nn::Linear ModuleLoader::linear(const std::string& name, Shape shape, nn::Activation activation) {
  const auto& weight = checkpoint_.take(name + ".weight", shape);
  nn::Linear layer{tensor_from(weight, at::kFloat), copied(name + ".bias", {*shape.begin()}), activation, precision_};
  weight.release_pages();  // it has been rearranged into memory of its own
  return layer;
}

nn::Linear ModuleLoader::linear_without_bias(const std::string& name, Shape shape) {
  const auto& weight = checkpoint_.take(name + ".weight", shape);
  nn::Linear layer{tensor_from(weight, at::kFloat), {}, nn::Activation::none, precision_};
  weight.release_pages();
  return layer;
}

nn::Linear ModuleLoader::fused(const std::array<std::string, 3>& names, std::int64_t features) {
  const auto count = static_cast<std::int64_t>(names.size());
  auto weights = at::empty({count * features, features}, at::kFloat);
  auto biases = at::empty({count * features}, at::kFloat);
  for (std::int64_t i = 0; i < count; ++i) {  // one after the other: only the result is held together
    const auto& name = names[static_cast<std::size_t>(i)];
    const auto& weight = checkpoint_.take(name + ".weight", {features, features});
    weights.narrow(0, i * features, features).copy_(tensor_from(weight, at::kFloat));
    weight.release_pages();
    biases.narrow(0, i * features, features).copy_(copied(name + ".bias", {features}));
  }
  return {weights, biases, nn::Activation::none, precision_};
}

}  // namespace modelpool::models
