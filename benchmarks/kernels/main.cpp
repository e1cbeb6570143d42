// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <random>
#include <vector>

#include "kernels/cpu/kernels.hpp"

namespace {

using namespace modelpool::kernels::cpu;
using Clock = std::chrono::steady_clock;
using Memory = std::unique_ptr<void, decltype(&std::free)>;

constexpr std::int64_t kRows = 1024;

struct Shape {
  PackedShape weight;
  Activation activation;
};
constexpr Shape kShapes[] = {{{1152, 384}, Activation::none},
                             {{384, 384}, Activation::none},
                             {{1536, 384}, Activation::gelu},
                             {{384, 1536}, Activation::none}};

Memory aligned(std::size_t bytes) { return {std::aligned_alloc(64, (bytes / 64 + 1) * 64), &std::free}; }

std::vector<float> random(std::int64_t count) {
  static std::mt19937 engine(0);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<std::size_t>(count));
  for (auto& value : values) value = normal(engine);
  return values;
}

// Operations of one call, a product and its sum being two, by the shortest time, in 1e9 a second.
double speed(const LinearKernels& kernels, const Shape& shape) {
  const auto [out, in] = shape.weight;
  const auto weight = random(out * in), x = random(kRows * in), bias = random(out);
  std::vector<float> y(static_cast<std::size_t>(kRows * out));
  const auto packed = aligned(kernels.packed_bytes(shape.weight)), scratch = aligned(kernels.scratch_bytes(in));
  kernels.pack_weight(weight.data(), shape.weight, packed.get());
  const LinearArgs args{x.data(), packed.get(), bias.data(),  y.data(),         kRows,
                        in,       out,          shape.weight, shape.activation, scratch.get()};
  auto best = std::chrono::duration<double>::max();
  for (const auto end = Clock::now() + std::chrono::milliseconds{500}; Clock::now() < end;) {
    const auto begin = Clock::now();
    kernels.linear(args);
    best = std::min(best, std::chrono::duration<double>(Clock::now() - begin));
  }
  return 2e-9 * static_cast<double>(kRows * out * in) / best.count();
}

}  // namespace

int main() {
  fmt::print(
      "| set | precision | 384 × 1152 | 384 × 384 | 384 × 1536, GELU | 1536 × 384 |\n|---|---|---|---|---|---|\n");
  for (std::size_t i = 0; i < available().count; ++i) {
    const Kernels& kernels = *available().items[i];
    const std::pair<const char*, const LinearKernels*> precisions[] = {
        {"float32", &kernels.float32}, {"bfloat16", &kernels.bfloat16}, {"int8", &kernels.int8}};
    for (const auto& [name, linear] : precisions) {
      fmt::print("| {} | {} |", kernels.name, name);
      for (const auto& shape : kShapes) fmt::print(" {:.0f} |", speed(*linear, shape));
      fmt::print("\n");
    }
  }
}
