// SPDX-License-Identifier: Apache-2.0
// Each kernel of our own against a scalar reference, on every instruction set that this machine has.
#include "kernels/cpu/kernels.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <random>
#include <vector>

#include "support/catch.hpp"

namespace modelpool::kernels::cpu {
extern const Kernels kernels_emulated_amx;  // emulated_tiles.cpp
}

using namespace modelpool::kernels::cpu;

namespace {

using Floats = std::vector<float>;

Floats random(std::int64_t count, unsigned seed, float scale = 1.0f) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal(0.0f, scale);
  Floats values(static_cast<std::size_t>(count));
  for (auto& value : values) value = normal(engine);
  return values;
}

double worst(const Floats& a, const Floats& b) {
  REQUIRE(a.size() == b.size());
  double difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference = std::max(difference, std::abs(double{a[i]} - double{b[i]}));
  return difference;
}

double activate(double x, Activation activation) {
  switch (activation) {
    case Activation::gelu:
      return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
    case Activation::gelu_new:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / 3.14159265358979) * (x + 0.044715 * x * x * x)));
    case Activation::quick_gelu:
      return x / (1 + std::exp(-1.702 * x));
    case Activation::relu:
      return std::max(x, 0.0);
    case Activation::silu:
      return x / (1 + std::exp(-x));
    case Activation::tanh:
      return std::tanh(x);
    case Activation::none:
      break;
  }
  return x;
}

struct LinearCase {
  std::int64_t rows, in, out;
  Activation activation = Activation::none;
};

Floats linear_reference(const LinearCase& c, const Floats& x, const Floats& weight, const Floats& bias) {
  Floats y(static_cast<std::size_t>(c.rows * c.out));
  for (std::int64_t r = 0; r < c.rows; ++r) {
    for (std::int64_t o = 0; o < c.out; ++o) {
      double sum = bias[static_cast<std::size_t>(o)];
      for (std::int64_t k = 0; k < c.in; ++k) {
        sum +=
            double{x[static_cast<std::size_t>(r * c.in + k)]} * double{weight[static_cast<std::size_t>(o * c.in + k)]};
      }
      y[static_cast<std::size_t>(r * c.out + o)] = static_cast<float>(activate(sum, c.activation));
    }
  }
  return y;
}

/// Memory of any kind, aligned as the kernels ask for.
class Aligned {
 public:
  explicit Aligned(std::size_t bytes) : memory_(std::aligned_alloc(64, (bytes / 64 + 1) * 64), &std::free) {}
  [[nodiscard]] void* get() const { return memory_.get(); }
  [[nodiscard]] float* floats() const { return static_cast<float*>(memory_.get()); }

 private:
  std::unique_ptr<void, decltype(&std::free)> memory_;
};

Floats run_linear(const LinearKernels& kernels, const LinearCase& c, const Floats& x, const Floats& weight,
                  const Floats& bias) {
  const PackedShape shape{c.out, c.in};
  const Aligned packed(kernels.packed_bytes(shape));
  const Aligned scratch(kernels.scratch_bytes(c.in));
  kernels.pack_weight(weight.data(), shape, packed.get());
  Floats y(static_cast<std::size_t>(c.rows * c.out) + 1, -1e9f);
  kernels.linear(
      {x.data(), packed.get(), bias.data(), y.data(), c.rows, c.in, c.out, shape, c.activation, scratch.get()});
  CHECK(y.back() == -1e9f);  // nothing behind the last row is written
  y.pop_back();
  return y;
}

Floats run_linear(const Kernels& kernels, const LinearCase& c, const Floats& x, const Floats& weight,
                  const Floats& bias) {
  return run_linear(kernels.float32, c, x, weight, bias);
}

/// One after the other, for the test that calls it: all that this machine can run, and AMX's with emulated instructions.
const Kernels& any_kernels() {
  const auto which = GENERATE(range(std::size_t{0}, available().count + 1));
  return which < available().count ? *available().items[which] : kernels_emulated_amx;
}

/// Every remainder of rows, inputs and outputs that a kernel may have.
std::vector<LinearCase> cases_of_all_remainders() {
  std::vector<LinearCase> cases{{1, 1, 1}, {2, 700, 3}, {300, 5, 40}, {1, 1536, 384}, {97, 384, 33}, {270, 64, 34}};
  for (std::int64_t rows = 1; rows <= 35; ++rows) cases.push_back({rows, 17, 70});
  for (std::int64_t out = 1; out <= 66; ++out) cases.push_back({7, 9, out});
  for (std::int64_t in = 1; in <= 67; ++in) cases.push_back({5, in, 5});
  return cases;
}

Floats integers(std::int64_t count, unsigned seed, int most) {
  std::mt19937 engine(seed);
  std::uniform_int_distribution<int> uniform(-most, most);
  Floats values(static_cast<std::size_t>(count));
  for (auto& value : values) value = static_cast<float>(uniform(engine));
  return values;
}

/// The first number of each row is `most`, so that a scale by the largest one is 1.
Floats integer_rows(std::int64_t rows, std::int64_t columns, unsigned seed, int most) {
  auto values = integers(rows * columns, seed, most);
  for (std::int64_t r = 0; r < rows; ++r) values[static_cast<std::size_t>(r * columns)] = static_cast<float>(most);
  return values;
}

}  // namespace

TEST_CASE("linear equals the sum over inputs, at every remainder of rows, inputs and outputs", "[kernels]") {
  const auto& kernels = any_kernels();
  CAPTURE(kernels.name);
  for (const auto& c : cases_of_all_remainders()) {
    CAPTURE(c.rows, c.in, c.out);
    const auto x = random(c.rows * c.in, 1);
    const auto weight = random(c.out * c.in, 2, 0.5f);
    const auto bias = random(c.out, 3);
    CHECK(worst(run_linear(kernels, c, x, weight, bias), linear_reference(c, x, weight, bias)) < 1e-4);
  }
}

TEST_CASE("linear of bfloat16 is exact where weights and inputs are numbers of 8 bits", "[kernels]") {
  const auto& kernels = any_kernels();
  CAPTURE(kernels.name);
  for (const auto& c : cases_of_all_remainders()) {
    CAPTURE(c.rows, c.in, c.out);
    const auto x = integers(c.rows * c.in, 1, 15);
    const auto weight = integers(c.out * c.in, 2, 255);
    const auto bias = integers(c.out, 3, 100);
    CHECK(run_linear(kernels.bfloat16, c, x, weight, bias) == linear_reference(c, x, weight, bias));
  }
}

TEST_CASE("linear of int8 is exact where weights are integers of 8 bits and inputs of as many as it keeps",
          "[kernels]") {
  const auto& kernels = any_kernels();
  CAPTURE(kernels.name);
  const bool bytes = kernels.int8.input_bits == 8;
  const int most = bytes ? 127 : 32767;
  for (const auto& c : cases_of_all_remainders()) {
    CAPTURE(c.rows, c.in, c.out);
    auto x = integer_rows(c.rows, c.in, 1, most);
    auto weight = integers(c.out * c.in, 2, 127);
    // Each group of 64 inputs has a weight of full size, and inputs at both ends of 255 steps (the last may be of one).
    const auto for_each_group = [&](Floats& values, std::int64_t place, float value) {
      for (std::size_t row = 0; row < values.size(); row += static_cast<std::size_t>(c.in))
        for (std::int64_t k = place; k < c.in; k += 64) values[row + static_cast<std::size_t>(k)] = value;
    };
    for_each_group(weight, 0, 127);
    if (bytes) for_each_group(x, 0, 127);
    if (bytes) for_each_group(x, 1, -128);
    const auto bias = integers(c.out, 3, 100);
    // What is left is the rounding of sums to float32.
    const double rounding = 2e-7 * most * 127 * static_cast<double>(c.in) * (bytes ? 4 : 1);
    CHECK(worst(run_linear(kernels.int8, c, x, weight, bias), linear_reference(c, x, weight, bias)) <= rounding);
  }
}

TEST_CASE("int8 stands rows and weights of zeros", "[kernels]") {
  const auto& kernels = any_kernels();
  const LinearCase c{3, 50, 20};
  const auto bias = random(c.out, 3);
  const auto weight = random(c.out * c.in, 2);
  const auto found = run_linear(kernels.int8, c, Floats(150), weight, bias);
  for (std::size_t i = 0; i < found.size(); ++i) CHECK(found[i] == bias[i % 20]);
  const auto none = run_linear(kernels.int8, c, random(150, 1), Floats(1000), bias);
  for (std::size_t i = 0; i < none.size(); ++i) CHECK(none[i] == bias[i % 20]);
}

TEST_CASE("sums of the largest int8 products do not overflow", "[kernels]") {
  const auto& kernels = any_kernels();
  const LinearCase c{2, GENERATE(4, 64, 65, 517, 1536, 8192), 3};
  CAPTURE(kernels.name, c.in);
  Floats x(static_cast<std::size_t>(c.rows * c.in), -3.0f);
  const Floats weight(static_cast<std::size_t>(c.out * c.in), GENERATE(2.0f, -2.0f));
  double expected = -3.0 * static_cast<double>(c.in) * weight[0];
  SECTION("of equal inputs") {}
  SECTION("of inputs that are all but one at the other end of their range") {
    for (std::size_t i = 0; i < x.size(); i += static_cast<std::size_t>(c.in))
      for (std::int64_t k = 1; k < c.in; ++k) x[i + static_cast<std::size_t>(k)] = k % 64 == 0 ? -3.0f : 3.0f;
    expected = 0;
    for (std::int64_t k = 0; k < c.in; ++k) expected += double{x[static_cast<std::size_t>(k)]} * double{weight[0]};
  }
  const auto found = run_linear(kernels.int8, c, x, weight, Floats(3));
  for (const float value : found) CHECK(std::abs(double{value} / expected - 1) < 1e-4);
}

TEST_CASE("lower precisions are as close to float32 as their bits allow", "[kernels]") {
  const auto& kernels = any_kernels();
  CAPTURE(kernels.name);
  const LinearCase c{70, 384, 96, GENERATE(Activation::none, Activation::gelu)};
  const auto x = random(c.rows * c.in, 1);
  const auto weight = random(c.out * c.in, 2, 0.05f);
  const auto bias = random(c.out, 3);
  const auto expected = linear_reference(c, x, weight, bias);  // standard deviation about 1
  CHECK(worst(run_linear(kernels.bfloat16, c, x, weight, bias), expected) < 0.02);
  CHECK(worst(run_linear(kernels.int8, c, x, weight, bias), expected) < (kernels.int8.input_bits == 8 ? 0.045 : 0.03));
}

TEST_CASE("linear applies its activation to the finished sum", "[kernels]") {
  const auto& kernels = any_kernels();
  const auto activation = GENERATE(Activation::gelu, Activation::gelu_new, Activation::quick_gelu, Activation::relu,
                                   Activation::silu, Activation::tanh);
  CAPTURE(kernels.name, static_cast<int>(activation));
  const LinearCase c{41, 1000, 50, activation};  // inputs of several blocks; values from about -12 to 12
  const auto x = random(c.rows * c.in, 1, 0.3f);
  const auto weight = random(c.out * c.in, 2, 0.3f);
  const auto bias = random(c.out, 3);
  CHECK(worst(run_linear(kernels, c, x, weight, bias), linear_reference(c, x, weight, bias)) < 2e-5);
}

TEST_CASE("activations are exact to float32's rounding over their whole range", "[kernels]") {
  const auto& kernels = any_kernels();
  const auto activation = GENERATE(Activation::gelu, Activation::gelu_new, Activation::quick_gelu, Activation::relu,
                                   Activation::silu, Activation::tanh);
  CAPTURE(kernels.name, static_cast<int>(activation));
  Floats x;
  for (int i = -20'000; i <= 20'000; ++i) x.push_back(static_cast<float>(i) / 1000);
  x.insert(x.end(), {1e-30f, -1e-30f, 1e30f, -1e30f, 300.0f, -300.0f});
  const LinearCase c{static_cast<std::int64_t>(x.size()), 1, 1, activation};
  const auto found = run_linear(kernels, c, x, {1.0f}, {0.0f});
  double largest = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double exact = activate(double{x[i]}, activation);
    largest = std::max(largest, std::abs(double{found[i]} - exact) / std::max(1.0, std::abs(exact)));
  }
  CHECK(largest < 1e-6);
}

TEST_CASE("activations of lower precisions are within 3e-4 over their whole range", "[kernels]") {
  const auto& kernels = any_kernels();
  const auto activation = GENERATE(Activation::gelu, Activation::gelu_new, Activation::quick_gelu, Activation::relu,
                                   Activation::silu, Activation::tanh);
  CAPTURE(kernels.name, static_cast<int>(activation));
  Floats x;
  for (int i = -128; i <= 127; ++i) x.push_back(static_cast<float>(i) / 16);  // numbers of 8 bits
  const LinearCase c{static_cast<std::int64_t>(x.size()), 1, 1, activation};
  for (const auto precision : {Precision::bfloat16, Precision::int8}) {
    const auto found = run_linear(kernels.linear(precision), c, x, {1.0f}, {0.0f});
    for (std::size_t i = 0; i < x.size(); ++i)
      CHECK(std::abs(double{found[i]} - activate(double{x[i]}, activation)) < 3e-4);
  }
}

TEST_CASE("a row of linear has the same bits whatever rows are beside it", "[kernels]") {
  const auto& kernels = best().linear(GENERATE(Precision::float32, Precision::bfloat16, Precision::int8));
  const LinearCase c{131, 900, 77, Activation::gelu};
  const auto x = random(c.rows * c.in, 1);
  const auto weight = random(c.out * c.in, 2);
  const auto bias = random(c.out, 3);
  const auto together = run_linear(kernels, c, x, weight, bias);
  for (std::int64_t r = 0; r < c.rows; ++r) {
    const Floats row(x.begin() + r * c.in, x.begin() + (r + 1) * c.in);
    const auto alone = run_linear(kernels, {1, c.in, c.out, c.activation}, row, weight, bias);
    CHECK(std::equal(alone.begin(), alone.end(), together.begin() + r * c.out));
  }
}

TEST_CASE("layer norm equals mean and variance in double precision, in place and not", "[kernels]") {
  const auto& kernels = any_kernels();
  const auto features = GENERATE(1, 3, 8, 31, 384, 385);
  CAPTURE(kernels.name, features);
  const std::int64_t rows = 5;
  const auto n = static_cast<std::size_t>(features);
  const auto x = random(rows * features, 1, 3.0f);
  const auto residual = random(rows * features, 2, 3.0f);
  const auto gamma = random(features, 3);
  const auto beta = random(features, 4);
  Floats expected(x.size());
  for (std::size_t r = 0; r < 5; ++r) {
    double mean = 0;
    double square = 0;
    for (std::size_t i = 0; i < n; ++i)
      mean += (double{x[r * n + i]} + double{residual[r * n + i]}) / static_cast<double>(n);
    for (std::size_t i = 0; i < n; ++i)
      square += std::pow(double{x[r * n + i]} + double{residual[r * n + i]} - mean, 2);
    const double scale = 1 / std::sqrt(square / static_cast<double>(n) + 1e-5);
    for (std::size_t i = 0; i < n; ++i) {
      expected[r * n + i] = static_cast<float>(
          (double{x[r * n + i]} + double{residual[r * n + i]} - mean) * scale * double{gamma[i]} + double{beta[i]});
    }
  }
  Floats apart(x.size());
  kernels.layer_norm({x.data(), residual.data(), gamma.data(), beta.data(), apart.data(), rows, features, 1e-5f});
  CHECK(worst(apart, expected) < 2e-5);
  Floats in_place = x;
  kernels.layer_norm(
      {in_place.data(), residual.data(), gamma.data(), beta.data(), in_place.data(), rows, features, 1e-5f});
  CHECK(in_place == apart);
}

TEST_CASE("the embedding is the normalised sum of word, position and type rows", "[kernels]") {
  const auto& kernels = best();
  const std::int64_t features = 37;
  const auto word = random(10 * features, 1);
  const auto position = random(6 * features, 2);
  const auto type = random(2 * features, 3);
  const auto gamma = random(features, 4);
  const auto beta = random(features, 5);
  const std::vector<std::int32_t> ids{9, 0, 3, 3};
  const std::vector<std::int32_t> types{0, 1, 1, 0};
  Floats sums;
  for (std::size_t t = 0; t < ids.size(); ++t) {
    for (std::size_t i = 0; i < 37; ++i) {
      sums.push_back(word[static_cast<std::size_t>(ids[t]) * 37 + i] + position[t * 37 + i] +
                     type[static_cast<std::size_t>(types[t]) * 37 + i]);
    }
  }
  Floats expected(sums.size());
  Floats found(sums.size());
  const LayerNormArgs norm{sums.data(), nullptr, gamma.data(), beta.data(), expected.data(), 4, features, 1e-12f};
  kernels.layer_norm(norm);
  auto into = norm;
  into.out = found.data();
  kernels.embedding({ids.data(), nullptr, types.data(), word.data(), position.data(), type.data(), into});
  CHECK(found == expected);
  const std::vector<std::int32_t> positions{0, 1, 2, 3};
  kernels.embedding({ids.data(), positions.data(), types.data(), word.data(), position.data(), type.data(), into});
  CHECK(found == expected);
}

// What 16 bits stand for, of the sign, the exponent and the rest; 0 for infinities and NaNs.
float number_of(std::uint16_t bits, TableType type) {
  const int fraction_bits = type == TableType::float16 ? 10 : 7;
  const int bias = type == TableType::float16 ? 15 : 127;
  const int exponent = (bits & 0x7FFF) >> fraction_bits;
  const int fraction = bits & ((1 << fraction_bits) - 1);
  if (exponent == 2 * bias + 1) return 0;
  const int whole = exponent == 0 ? fraction : fraction | 1 << fraction_bits;
  const double value = std::ldexp(whole, std::max(exponent, 1) - bias - fraction_bits);
  return static_cast<float>(bits & 0x8000 ? -value : value);
}

TEST_CASE("a table of words in 16 bits gives what its numbers give in float32", "[kernels]") {
  const auto& kernels = any_kernels();
  const auto type = GENERATE(TableType::float16, TableType::bfloat16);
  CAPTURE(kernels.name, static_cast<int>(type));
  constexpr std::int64_t kFeatures = 64 + 5;
  constexpr std::int64_t kRows = 65536 / kFeatures;
  std::vector<std::uint16_t> words(kRows * kFeatures);
  Floats wide;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto number = number_of(static_cast<std::uint16_t>(i), type);
    const bool usable = std::abs(number) < 1e15f && number != 0;  // their squares are summed
    words[i] = usable ? static_cast<std::uint16_t>(i) : 0;
    wide.push_back(usable ? number : 0);
  }
  std::vector<std::int32_t> ids;
  for (std::int32_t i = 0; i < kRows; ++i) ids.push_back(i);
  const Floats zeros(words.size(), 0.0f);
  const Floats ones(kFeatures, 1.0f);
  Floats expected(words.size());
  Floats found(words.size());
  LayerNormArgs norm{nullptr, nullptr, ones.data(), zeros.data(), expected.data(), kRows, kFeatures, 1e-12f};
  kernels.embedding({ids.data(), nullptr, nullptr, wide.data(), zeros.data(), nullptr, norm});
  norm.out = found.data();
  kernels.embedding({ids.data(), nullptr, nullptr, words.data(), zeros.data(), nullptr, norm, type});
  CHECK(found == expected);
}

TEST_CASE("attention equals softmax(q k / scale + bias) v, at every length and head size", "[kernels]") {
  const auto& kernels = any_kernels();
  const std::int64_t head_size = GENERATE(1, 20, 32, 64, 80);
  const std::int64_t length = GENERATE(1, 2, 7, 16, 33, 100);
  const bool has_bias = GENERATE(false, true);
  const auto precision = GENERATE(Precision::float32, Precision::bfloat16);
  CAPTURE(kernels.name, head_size, length, has_bias, static_cast<int>(precision));
  const std::int64_t stride = 3 * head_size + 5;
  const auto qkv = random(length * stride, 6);
  const auto bias = has_bias ? random(2 * length - 1, 7) : Floats(static_cast<std::size_t>(2 * length - 1));
  const float scale = 1 / std::sqrt(static_cast<float>(head_size));
  const auto at = [&](std::int64_t part, std::int64_t t, std::int64_t i) {
    return double{qkv[static_cast<std::size_t>(t * stride + part * head_size + i)]};
  };

  Floats expected(static_cast<std::size_t>(length * head_size));
  for (std::int64_t t = 0; t < length; ++t) {
    std::vector<double> weights(static_cast<std::size_t>(length));
    double sum = 0;
    for (std::int64_t s = 0; s < length; ++s) {
      double dot = 0;
      for (std::int64_t i = 0; i < head_size; ++i) dot += at(0, t, i) * at(1, s, i);
      sum += weights[static_cast<std::size_t>(s)] =
          std::exp(dot * double{scale} + double{bias[static_cast<std::size_t>(length - 1 + s - t)]});
    }
    for (std::int64_t i = 0; i < head_size; ++i) {
      double value = 0;
      for (std::int64_t s = 0; s < length; ++s) value += weights[static_cast<std::size_t>(s)] / sum * at(2, s, i);
      expected[static_cast<std::size_t>(t * head_size + i)] = static_cast<float>(value);
    }
  }

  Floats found(expected.size());
  const auto& attention = kernels.attention(precision);
  const Aligned scratch(static_cast<std::size_t>(attention.scratch(length, head_size)) * sizeof(float));
  attention.attention({.q = qkv.data(),
                       .k = qkv.data() + head_size,
                       .v = qkv.data() + 2 * head_size,
                       .out = found.data(),
                       .length = length,
                       .head_size = head_size,
                       .stride = stride,
                       .out_stride = head_size,
                       .scale = scale,
                       .scratch = scratch.floats(),
                       .relative_bias = has_bias ? bias.data() + length - 1 : nullptr});
  const bool is_coarse =
      precision == Precision::bfloat16 && kernels.fastest == Precision::bfloat16 && head_size % 16 == 0;
  CHECK(worst(found, expected) < (is_coarse ? 0.03 : 1e-5));
}

TEST_CASE("attention of bfloat16 is exact where one key outweighs all others", "[kernels]") {
  const auto& kernels = any_kernels();
  const std::int64_t head_size = GENERATE(16, 32, 64, 96);
  const std::int64_t length = GENERATE(1, 15, 16, 17, 31, 32, 33, 70);
  CAPTURE(kernels.name, head_size, length);
  // Query t looks for key (t + 3) % length: both are 64 in one feature of their own, or in two.
  Floats q(static_cast<std::size_t>(length * head_size)), k(q.size()), out(q.size());
  const auto values = integers(length * head_size, 1, 127);
  for (std::int64_t t = 0; t < length; ++t) {
    const std::int64_t key = (t + 3) % length;
    const auto mark = [&](Floats& rows, std::int64_t row) {
      rows[static_cast<std::size_t>(row * head_size + key % head_size)] = 64;
      rows[static_cast<std::size_t>(row * head_size + (key / head_size + key + 1) % head_size)] = 64;
    };
    mark(q, t);
    mark(k, key);
  }
  const auto& attention = kernels.attention(Precision::bfloat16);
  const Aligned scratch(static_cast<std::size_t>(attention.scratch(length, head_size)) * sizeof(float));
  attention.attention({.q = q.data(),
                       .k = k.data(),
                       .v = values.data(),
                       .out = out.data(),
                       .length = length,
                       .head_size = head_size,
                       .stride = head_size,
                       .out_stride = head_size,
                       .scale = 1,
                       .scratch = scratch.floats()});
  Floats expected(out.size());
  for (std::int64_t t = 0; t < length; ++t)
    std::copy_n(values.begin() + (t + 3) % length * head_size, head_size, expected.begin() + t * head_size);
  CHECK(worst(out, expected) < 1e-6);
}

TEST_CASE("softmax stands scores that would overflow", "[kernels]") {
  const auto& kernels = any_kernels();
  const auto& attention = kernels.attention(GENERATE(Precision::float32, Precision::bfloat16));
  const std::int64_t head_size = GENERATE(2, 32);
  const auto n = static_cast<std::size_t>(head_size);
  Floats q(2 * n), k(2 * n), v(2 * n), out(2 * n);
  q[0] = q[n] = k[0] = 300;
  k[n] = -300;
  for (std::size_t i = 0; i < n; ++i) {
    v[i] = static_cast<float>(i);
    v[n + i] = -1;
  }
  const Aligned scratch(static_cast<std::size_t>(attention.scratch(2, head_size)) * sizeof(float));
  attention.attention({.q = q.data(),
                       .k = k.data(),
                       .v = v.data(),
                       .out = out.data(),
                       .length = 2,
                       .head_size = head_size,
                       .stride = head_size,
                       .out_stride = head_size,
                       .scale = 1,
                       .scratch = scratch.floats()});
  for (std::size_t i = 0; i < 2 * n; ++i) CHECK(std::abs(out[i] - v[i % n]) < 1e-6f);
}
