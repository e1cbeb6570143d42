// SPDX-License-Identifier: Apache-2.0
// The kernels of kernels.hpp, for one instruction set. Included by kernels_<isa>.cpp, which is compiled with the flags
// of that set and defines, before the include,
//   MODELPOOL_KERNELS_ISA   name of the set
//   MODELPOOL_KERNELS_VL    floats in a vector register
//   MODELPOOL_KERNELS_MR, MODELPOOL_KERNELS_NV   register tile of linear(): rows, vectors in a row
//   MODELPOOL_KERNELS_KC    inputs in a block: a panel of KC x (NV * VL) floats stays in the first-level cache
// Nothing from the standard library is called here: an inline function compiled with these flags could be the copy that
// the linker keeps for the whole program.
#include "kernels/cpu/kernels.hpp"

namespace modelpool::kernels::cpu {
namespace {

using i64 = std::int64_t;

constexpr i64 kVL = MODELPOOL_KERNELS_VL;
constexpr i64 kMR = MODELPOOL_KERNELS_MR;
constexpr i64 kNV = MODELPOOL_KERNELS_NV;
constexpr i64 kNR = kNV * kVL;
constexpr i64 kKC = MODELPOOL_KERNELS_KC;
constexpr i64 kMC = 16 * kMR;  // rows in a block: kMC x kKC floats stay in the second-level cache

using Vec = float __attribute__((vector_size(4 * kVL)));
using VecInt = std::int32_t __attribute__((vector_size(4 * kVL)));

#define MODELPOOL_INLINE inline __attribute__((always_inline))

MODELPOOL_INLINE Vec load(const float* p) {
  Vec v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
MODELPOOL_INLINE void store(float* p, Vec v) { __builtin_memcpy(p, &v, sizeof v); }
MODELPOOL_INLINE Vec splat(float x) { return x - Vec{}; }
MODELPOOL_INLINE Vec select(VecInt mask, Vec a, Vec b) {
  return reinterpret_cast<Vec>((mask & reinterpret_cast<VecInt>(a)) | (~mask & reinterpret_cast<VecInt>(b)));
}
MODELPOOL_INLINE Vec max(Vec a, Vec b) { return a > b ? a : b; }
MODELPOOL_INLINE Vec min(Vec a, Vec b) { return a < b ? a : b; }
MODELPOOL_INLINE i64 min(i64 a, i64 b) { return a < b ? a : b; }
MODELPOOL_INLINE i64 round_up(i64 n, i64 unit) { return (n + unit - 1) / unit * unit; }

MODELPOOL_INLINE float sum_of(Vec v) {
  float sum = 0;
  for (i64 i = 0; i < kVL; ++i) sum += v[i];
  return sum;
}
MODELPOOL_INLINE float max_of(Vec v) {
  float best = v[0];
  for (i64 i = 1; i < kVL; ++i) best = v[i] > best ? v[i] : best;
  return best;
}

// e^x. Range reduction to |r| <= ln(2) / 2, then the Taylor polynomial of degree 7, whose error there is below half a
// unit in the last place; 2^n by its exponent bits. Arguments outside [-87.3, 88.3] give the value at the bound.
MODELPOOL_INLINE Vec exp(Vec x) {
  x = min(max(x, splat(-87.3f)), splat(88.3f));
  const Vec shifter = splat(12582912.0f);  // 1.5 * 2^23: adding it rounds to an integer
  const Vec n = (x * 1.44269504088896341f + shifter) - shifter;
  const Vec r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  Vec p = splat(1.0f / 5040);
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  const VecInt power = (__builtin_convertvector(n, VecInt) + 127) << 23;
  return p * reinterpret_cast<Vec>(power);
}

// x P(x^2) / Q(x^2), both of degree 5, fitted to |x| <= 3.95 for the least largest error: 2e-8, 4e-7 with float32's
// rounding. Beyond that erf is 1 within 3e-8.
MODELPOOL_INLINE Vec erf(Vec x) {
  x = min(max(x, splat(-3.95f)), splat(3.95f));
  const Vec u = x * x;
  Vec p = splat(2.0117383883189177e-06f);
  p = p * u + 2.8760169516317546e-04f;
  p = p * u + 3.91735415905714e-03f;
  p = p * u + 5.3207170218229294e-02f;
  p = p * u + 1.9403651356697083e-01f;
  p = p * u + 1.128378987312317f;
  Vec q = splat(3.783972351811826e-05f);
  q = q * u + 1.1982102878391743e-03f;
  q = q * u + 1.5270773321390152e-02f;
  q = q * u + 1.1559109389781952e-01f;
  q = q * u + 5.052918791770935e-01f;
  q = q * u + 1.0f;
  return min(max(x * p / q, splat(-1.0f)),
             splat(1.0f));  // rounding may leave it a unit beyond 1, which gelu would multiply
}

MODELPOOL_INLINE Vec gelu(Vec x) { return x * 0.5f * (1.0f + erf(x * 0.70710678118654752f)); }
// The tanh form: (1 + tanh(u)) / 2 = e^2u / (e^2u + 1), in this order so that nothing cancels for large negative x
MODELPOOL_INLINE Vec gelu_new(Vec x) {
  const Vec u = 0.79788456080286536f * (x + 0.044715f * x * x * x);
  const Vec e = exp(u + u);
  return x * (e / (e + 1.0f));
}

MODELPOOL_INLINE Vec silu(Vec x) { return x / (1.0f + exp(-x)); }

// Near 0, where 1 - 2 / (e^2x + 1) would cancel, x + x^3 P(x^2) with P fitted to |x| <= 0.625: relative error 2e-8, 2e-7
// with float32's rounding.
MODELPOOL_INLINE Vec tanh(Vec x) {
  const Vec u = x * x;
  Vec p = splat(-0.0061049480114593f);
  p = p * u + 0.0210036412209272f;
  p = p * u - 0.05385249746857f;
  p = p * u + 0.133327822639955f;
  p = p * u - 0.333333290996171f;
  const Vec far = 1.0f - 2.0f / (exp(x + x) + 1.0f);
  return select(u < 0.390625f, x + x * u * p, far);
}

MODELPOOL_INLINE Vec activate(Vec x, Activation activation) {
  switch (activation) {
    case Activation::gelu:
      return gelu(x);
    case Activation::gelu_new:
      return gelu_new(x);
    case Activation::relu:
      return max(x, Vec{});
    case Activation::silu:
      return silu(x);
    case Activation::tanh:
      return tanh(x);
    case Activation::none:
      break;
  }
  return x;
}

// ---- the register tile: R rows times one panel
// -----------------------------------------------------------------------

struct Tile {
  const float* a;      // R rows, a_stride apart
  const float* panel;  // (depth, kNR)
  i64 a_stride, depth;
};

template <std::size_t R>
MODELPOOL_INLINE void multiply(const Tile& tile, Vec (&sum)[R][kNV]) {
  const float* b = tile.panel;
  for (i64 k = 0; k < tile.depth; ++k, b += kNR) {
    Vec row[kNV];
#pragma GCC unroll 8
    for (i64 j = 0; j < kNV; ++j) row[j] = load(b + j * kVL);
#pragma GCC unroll 16
    for (i64 i = 0; i < static_cast<i64>(R); ++i) {
      const Vec x = splat(tile.a[i * tile.a_stride + k]);
#pragma GCC unroll 8
      for (i64 j = 0; j < kNV; ++j) sum[i][j] += x * row[j];
    }
  }
}

// What happens to a tile of sums: y = activation(sum + before + bias), as far as each is wanted.
struct Output {
  float* y;
  i64 y_stride;
  i64 columns;        // of the tile that exist, 1 … kNR
  bool accumulate;    // y holds the sum over the inputs so far
  const float* bias;  // null: none. Only with the last inputs, as the activation
  Activation activation;
};

MODELPOOL_INLINE void store_partly(float* p, Vec v, i64 count) {
  float values[kVL];
  store(values, v);
  for (i64 i = 0; i < count; ++i) p[i] = values[i];
}
MODELPOOL_INLINE Vec load_partly(const float* p, i64 count) {
  float values[kVL] = {};
  for (i64 i = 0; i < count; ++i) values[i] = p[i];
  return load(values);
}

template <std::size_t R>
MODELPOOL_INLINE void write(const Output& out, const Vec (&sum)[R][kNV]) {
  for (i64 j = 0; j < kNV; ++j) {
    const i64 here = min(out.columns - j * kVL, kVL);
    if (here <= 0) return;
    const bool whole = here == kVL;
    const float* bias = out.bias ? out.bias + j * kVL : nullptr;
    const Vec b = !bias ? Vec{} : whole ? load(bias) : load_partly(bias, here);
    for (i64 i = 0; i < static_cast<i64>(R); ++i) {
      float* y = out.y + i * out.y_stride + j * kVL;
      Vec v = sum[i][j];
      if (out.accumulate) v += whole ? load(y) : load_partly(y, here);
      v = activate(v + b, out.activation);
      whole ? store(y, v) : store_partly(y, v, here);
    }
  }
}

template <std::size_t R>
void tile_of(const Tile& tile, const Output& out) {
  // The sums take long enough for the lines of y, each in another page, to arrive meanwhile.
  for (i64 i = 0; i < static_cast<i64>(R); ++i) {
    for (i64 j = 0; j < kNR; j += 16) __builtin_prefetch(out.y + i * out.y_stride + j, 1);
  }
  Vec sum[R][kNV] = {};
  multiply<R>(tile, sum);
  write<R>(out, sum);
}

// Rows below a full tile: the same sums in the same order, with fewer rows.
template <std::size_t R>
MODELPOOL_INLINE void tile_of_rows(i64 rows, const Tile& tile, const Output& out) {
  if (rows >= static_cast<i64>(R)) return tile_of<R>(tile, out);
  if constexpr (R > 1) tile_of_rows<R - 1>(rows, tile, out);
}

// ---- linear
// ----------------------------------------------------------------------------------------------------------

i64 packed_size(PackedShape shape) { return round_up(shape.out_features, kNR) * shape.in_features; }

void pack_weight(const float* weight, PackedShape shape, float* packed) {
  for (i64 n = 0; n < shape.out_features; n += kNR) {
    const i64 columns = min(shape.out_features - n, kNR);
    for (i64 k = 0; k < shape.in_features; ++k, packed += kNR) {
      for (i64 j = 0; j < columns; ++j) packed[j] = weight[(n + j) * shape.in_features + k];
      for (i64 j = columns; j < kNR; ++j) packed[j] = 0;
    }
  }
}

// Blocks of inputs of equal length, so that the last one is not a remainder of a few.
i64 block_depth(i64 depth) {
  const i64 blocks = (depth + kKC - 1) / kKC;
  return blocks ? (depth + blocks - 1) / blocks : 1;
}

void linear_block(const LinearArgs& args, i64 m, i64 rows, i64 k, i64 depth) {
  const bool last = k + depth == args.shape.in_features;
  for (i64 n = 0; n < args.shape.out_features; n += kNR) {
    const float* panel = args.packed + n * args.shape.in_features + k * kNR;
    Output out{nullptr,
               args.y_stride,
               min(args.shape.out_features - n, kNR),
               k > 0,
               last && args.bias ? args.bias + n : nullptr,
               last ? args.activation : Activation::none};
    for (i64 i = 0; i < rows; i += kMR) {
      const i64 row = m + i;
      out.y = args.y + row * args.y_stride + n;
      tile_of_rows<kMR>(rows - i, {args.x + row * args.x_stride + k, panel, args.x_stride, depth}, out);
    }
  }
}

void linear(const LinearArgs& args) {
  const i64 depth = block_depth(args.shape.in_features);
  for (i64 m = 0; m < args.rows; m += kMC) {
    const i64 rows = min(args.rows - m, kMC);
    for (i64 k = 0; k < args.shape.in_features; k += depth) {
      linear_block(args, m, rows, k, min(args.shape.in_features - k, depth));
    }
  }
}

// ---- layer norm, embedding
// -------------------------------------------------------------------------------------------

// out = norm(out) * gamma + beta in place. Two passes over a row that is in the cache: mean, then the squared
// deviations.
MODELPOOL_INLINE void normalize_row(float* row, const LayerNormArgs& args) {
  const i64 n = args.features;
  const i64 whole = n / kVL * kVL;
  Vec sums{};
  for (i64 i = 0; i < whole; i += kVL) sums += load(row + i);
  float sum = sum_of(sums);
  for (i64 i = whole; i < n; ++i) sum += row[i];
  const float mean = sum / static_cast<float>(n);

  Vec squares{};
  for (i64 i = 0; i < whole; i += kVL) {
    const Vec d = load(row + i) - mean;
    squares += d * d;
  }
  float square = sum_of(squares);
  for (i64 i = whole; i < n; ++i) square += (row[i] - mean) * (row[i] - mean);
  const float scale = 1.0f / __builtin_sqrtf(square / static_cast<float>(n) + args.eps);

  for (i64 i = 0; i < whole; i += kVL) {
    store(row + i, (load(row + i) - mean) * scale * load(args.gamma + i) + load(args.beta + i));
  }
  for (i64 i = whole; i < n; ++i) row[i] = (row[i] - mean) * scale * args.gamma[i] + args.beta[i];
}

MODELPOOL_INLINE void add_rows(float* out, const float* a, const float* b, i64 n) {
  const i64 whole = n / kVL * kVL;
  for (i64 i = 0; i < whole; i += kVL) store(out + i, load(a + i) + load(b + i));
  for (i64 i = whole; i < n; ++i) out[i] = a[i] + b[i];
}

void layer_norm(const LayerNormArgs& args) {
  for (i64 r = 0; r < args.rows; ++r) {
    float* out = args.out + r * args.features;
    const float* x = args.x + r * args.features;
    if (args.residual) {
      add_rows(out, x, args.residual + r * args.features, args.features);
    } else if (out != x) {
      __builtin_memcpy(out, x, static_cast<std::size_t>(args.features) * sizeof(float));
    }
    normalize_row(out, args);
  }
}

void embedding(const EmbeddingArgs& args) {
  const i64 n = args.norm.features;
  for (i64 r = 0; r < args.norm.rows; ++r) {
    float* out = args.norm.out + r * n;
    const i64 position = args.positions ? args.positions[r] : r;
    add_rows(out, args.word + args.ids[r] * n, args.position + position * n, n);
    if (args.type) add_rows(out, out, args.type + (args.type_ids ? args.type_ids[r] : 0) * n, n);
    normalize_row(out, args.norm);
  }
}

// ---- attention
// ------------------------------------------------------------------------------------------------------- Both products
// are tiles of linear(): keys are packed as a weight of `length` outputs, values as one of head_size outputs and
// `length` inputs. Queries are taken kMR at a time, so the scores of a step stay in the first-level cache.

i64 key_floats(i64 length, i64 head_size) { return round_up(length, kNR) * head_size; }
i64 value_floats(i64 length, i64 head_size) { return round_up(head_size, kNR) * length; }

i64 attention_scratch(i64 length, i64 head_size) {
  return round_up(key_floats(length, head_size) + value_floats(length, head_size) + kMR * round_up(length, kNR), 16);
}

void pack_keys(const AttentionArgs& args, float* packed) {
  for (i64 n = 0; n < args.length; n += kNR) {
    const i64 columns = min(args.length - n, kNR);
    for (i64 k = 0; k < args.head_size; ++k, packed += kNR) {
      for (i64 j = 0; j < columns; ++j) packed[j] = args.k[(n + j) * args.stride + k];
      for (i64 j = columns; j < kNR; ++j) packed[j] = 0;
    }
  }
}

void pack_values(const AttentionArgs& args, float* packed) {
  for (i64 n = 0; n < args.head_size; n += kNR) {
    const i64 columns = min(args.head_size - n, kNR);
    for (i64 k = 0; k < args.length; ++k, packed += kNR) {
      const float* row = args.v + k * args.stride + n;
      if (columns == kNR) {
        for (i64 j = 0; j < kNR; j += kVL) store(packed + j, load(row + j));
        continue;
      }
      for (i64 j = 0; j < columns; ++j) packed[j] = row[j];
      for (i64 j = columns; j < kNR; ++j) packed[j] = 0;
    }
  }
}

// row = e^((row - max) * scale) over `length`, zero behind it up to `padded`. @return 1 / sum
MODELPOOL_INLINE float softmax_row(float* row, i64 length, i64 padded, float scale) {
  for (i64 i = length; i < padded; ++i) row[i] = -__builtin_inff();
  Vec best = load(row);
  for (i64 i = kVL; i < padded; i += kVL) best = max(best, load(row + i));
  const float top = max_of(best);
  Vec sums{};
  for (i64 i = 0; i < padded; i += kVL) {
    const Vec x = load(row + i);
    const Vec e = select(x == -__builtin_inff(), Vec{}, exp((x - top) * scale));
    store(row + i, e);
    sums += e;
  }
  return 1.0f / sum_of(sums);
}

// row = row * scale + bias over `length`
MODELPOOL_INLINE void add_bias(float* row, const float* bias, i64 length, float scale) {
  const i64 whole = length / kVL * kVL;
  for (i64 i = 0; i < whole; i += kVL) store(row + i, load(row + i) * scale + load(bias + i));
  for (i64 i = whole; i < length; ++i) row[i] = row[i] * scale + bias[i];
}

MODELPOOL_INLINE void scale_row(float* row, i64 n, float factor) {
  const i64 whole = n / kVL * kVL;
  for (i64 i = 0; i < whole; i += kVL) store(row + i, load(row + i) * factor);
  for (i64 i = whole; i < n; ++i) row[i] *= factor;
}

void attend(const AttentionArgs& args, i64 m, const float* keys, const float* values, float* scores) {
  const i64 rows = min(args.length - m, kMR);
  const i64 padded = round_up(args.length, kNR);
  for (i64 n = 0; n < padded; n += kNR) {
    tile_of_rows<kMR>(rows, {args.q + m * args.stride, keys + n * args.head_size, args.stride, args.head_size},
                      {scores + n, padded, kNR, false, nullptr, Activation::none});
  }
  float factors[kMR];
  for (i64 i = 0; i < rows; ++i) {
    float* row = scores + i * padded;
    if (args.relative_bias) add_bias(row, args.relative_bias - (m + i), args.length, args.scale);
    factors[i] = softmax_row(row, args.length, padded, args.relative_bias ? 1.0f : args.scale);
  }
  for (i64 n = 0; n < args.head_size; n += kNR) {
    tile_of_rows<kMR>(rows, {scores, values + n * args.length, padded, args.length},
                      {args.out + m * args.out_stride + n, args.out_stride, min(args.head_size - n, kNR), false,
                       nullptr, Activation::none});
  }
  for (i64 i = 0; i < rows; ++i) scale_row(args.out + (m + i) * args.out_stride, args.head_size, factors[i]);
}

void attention(const AttentionArgs& args) {
  float* keys = args.scratch;
  float* values = keys + key_floats(args.length, args.head_size);
  float* scores = values + value_floats(args.length, args.head_size);
  pack_keys(args, keys);
  pack_values(args, values);
  for (i64 m = 0; m < args.length; m += kMR) attend(args, m, keys, values, scores);
}

#define MODELPOOL_STRING2(x) #x
#define MODELPOOL_STRING(x) MODELPOOL_STRING2(x)

constexpr Kernels kKernels{MODELPOOL_STRING(MODELPOOL_KERNELS_ISA),
                           kMR,
                           kNR,
                           packed_size,
                           pack_weight,
                           linear,
                           layer_norm,
                           embedding,
                           attention_scratch,
                           attention};

}  // namespace
}  // namespace modelpool::kernels::cpu
