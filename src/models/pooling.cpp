// SPDX-License-Identifier: Apache-2.0
#include "models/pooling.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace modelpool::models {
namespace {

struct Tokens {
  std::span<const float> values;
  std::int64_t first;
  std::size_t features;

  [[nodiscard]] std::int64_t end() const { return static_cast<std::int64_t>(values.size() / features); }
  [[nodiscard]] std::span<const float> row(std::int64_t i) const {
    return values.subspan(static_cast<std::size_t>(i) * features, features);
  }
};

void copy(std::span<const float> row, std::span<float> out) { std::copy(row.begin(), row.end(), out.begin()); }

void maximum(const Tokens& tokens, std::span<float> out) {
  copy(tokens.row(tokens.first), out);
  for (auto i = tokens.first + 1; i < tokens.end(); ++i) {
    const auto row = tokens.row(i);
    for (std::size_t j = 0; j < out.size(); ++j) out[j] = std::max(out[j], row[j]);
  }
}

void add(std::span<const float> row, float weight, std::span<float> out) {
  for (std::size_t j = 0; j < out.size(); ++j) out[j] += weight * row[j];
}

void divide(std::span<float> out, float divisor) {
  for (auto& value : out) value /= divisor;
}

void sum(const Tokens& tokens, std::span<float> out) {
  std::fill(out.begin(), out.end(), 0.0f);
  for (auto i = tokens.first; i < tokens.end(); ++i) add(tokens.row(i), 1.0f, out);
}

// Token i counts i + 1 times, also where tokens before it are left out.
void weighted_mean(const Tokens& tokens, std::span<float> out) {
  std::fill(out.begin(), out.end(), 0.0f);
  float weights = 0;
  for (auto i = tokens.first; i < tokens.end(); ++i) {
    const auto weight = static_cast<float>(i + 1);
    add(tokens.row(i), weight, out);
    weights += weight;
  }
  divide(out, weights);
}

// A prompt that does not count left nothing: what the reference's masked arithmetic gives.
void pool_nothing(PoolingMode mode, const Tokens& tokens, std::span<float> out) {
  if (mode == PoolingMode::cls) return copy(tokens.row(0), out);
  const bool is_max = mode == PoolingMode::max;
  std::fill(out.begin(), out.end(), is_max ? -std::numeric_limits<float>::infinity() : 0.0f);
}

}  // namespace

const char* to_string(PoolingMode mode) noexcept {
  switch (mode) {
    case PoolingMode::cls:
      return "cls";
    case PoolingMode::max:
      return "max";
    case PoolingMode::mean:
      return "mean";
    case PoolingMode::mean_sqrt_len:
      return "mean_sqrt_len_tokens";
    case PoolingMode::weightedmean:
      return "weightedmean";
    case PoolingMode::lasttoken:
      return "lasttoken";
  }
  return "";
}

std::string to_string(const std::vector<PoolingMode>& modes) {
  std::string text;
  for (const auto mode : modes) text += (text.empty() ? "" : "+") + std::string(to_string(mode));
  return text;
}

void pool(PoolingMode mode, std::span<const float> tokens, std::int64_t first, std::span<float> out) {
  const Tokens all{tokens, first, out.size()};
  if (first >= all.end()) return pool_nothing(mode, all, out);
  const auto count = static_cast<float>(all.end() - first);
  switch (mode) {
    case PoolingMode::cls:
      return copy(all.row(first), out);
    case PoolingMode::lasttoken:
      return copy(all.row(all.end() - 1), out);
    case PoolingMode::max:
      return maximum(all, out);
    case PoolingMode::mean:
      return sum(all, out), divide(out, count);
    case PoolingMode::mean_sqrt_len:
      return sum(all, out), divide(out, std::sqrt(count));
    case PoolingMode::weightedmean:
      return weighted_mean(all, out);
  }
}

void normalize(std::span<float> vector) {
  double square = 0;
  for (const auto value : vector) square += static_cast<double>(value) * value;
  divide(vector, static_cast<float>(std::max(std::sqrt(square), 1e-12)));
}

}  // namespace modelpool::models
