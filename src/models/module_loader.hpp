// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>

#include "nn/layer_norm.hpp"
#include "nn/linear.hpp"
#include "weights/checkpoint.hpp"

namespace modelpool::models {

/// Takes the modules that encoders are made of out of a checkpoint, by the names of the reference without ".weight" and
/// ".bias". @throws LoadError (every member): a tensor is missing, or of another shape
class ModuleLoader {
 public:
  using Shape = std::initializer_list<std::int64_t>;

  /// @param precision  of the linear layers; everything else is float32
  explicit ModuleLoader(Checkpoint& checkpoint, nn::Precision precision = nn::Precision::float32) noexcept
      : checkpoint_(checkpoint), precision_(precision) {}

  /// A tensor that may lie in the file's map: of a large table few rows are ever touched.
  [[nodiscard]] at::Tensor table(const std::string& name, Shape shape);
  /// As table(), but of float32, float16 or bfloat16, whichever the file has; other types as float32.
  [[nodiscard]] at::Tensor table_as_stored(const std::string& name, Shape shape);
  [[nodiscard]] at::Tensor copied(const std::string& name, Shape shape);
  /// @param features  of the rows that it normalises
  [[nodiscard]] nn::LayerNorm norm(const std::string& name, std::int64_t features, double eps);
  /// @param shape  (out_features, in_features)
  [[nodiscard]] nn::Linear linear(const std::string& name, Shape shape,
                                  nn::Activation activation = nn::Activation::none);
  [[nodiscard]] nn::Linear linear_without_bias(const std::string& name, Shape shape);
  /// Three layers features -> features as one features -> 3 features, in the order of the names.
  [[nodiscard]] nn::Linear fused(const std::array<std::string, 3>& names, std::int64_t features);

 private:
  Checkpoint& checkpoint_;
  nn::Precision precision_;
};

}  // namespace modelpool::models
