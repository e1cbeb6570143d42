// SPDX-License-Identifier: Apache-2.0
#include "models/module_loader.hpp"

#include <ATen/ops/cat.h>

#include "weights/tensors.hpp"

namespace modelpool::models {

at::Tensor ModuleLoader::table(const std::string& name, Shape shape) {
  return tensor_from(checkpoint_.take(name, shape), at::kFloat);
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
  std::array<at::Tensor, 3> weights;  // (features, features) each
  std::array<at::Tensor, 3> biases;   // (features) each
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto& weight = checkpoint_.take(names[i] + ".weight", {features, features});
    weights[i] = copy_from(weight, at::kFloat);
    weight.release_pages();
    biases[i] = copied(names[i] + ".bias", {features});
  }
  return {at::cat(weights), at::cat(biases), nn::Activation::none, precision_};
}

}  // namespace modelpool::models
