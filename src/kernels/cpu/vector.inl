// SPDX-License-Identifier: Apache-2.0
// Vectors of the width of an instruction set, and what a layer's activation computes with them. Included first by
// kernels_<isa>.cpp, which is compiled with the flags of that set and defines, before the include,
//   MODELPOOL_KERNELS_ISA   name of the set
//   MODELPOOL_KERNELS_VL    floats in a vector register
// Nothing from the standard library is called here or in the other parts: an inline function compiled with these flags
// could be the copy that the linker keeps for the whole program.
#include "kernels/cpu/kernels.hpp"

namespace modelpool::kernels::cpu {
namespace {

using i64 = std::int64_t;

constexpr i64 kVL = MODELPOOL_KERNELS_VL;

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

// v with its elements moved by `by` places, those that leave coming in at the other end.
template <int By>
MODELPOOL_INLINE Vec rotated(Vec v) {
  VecInt from;
  for (int i = 0; i < kVL; ++i) from[i] = (i + By) % static_cast<int>(kVL);
  return __builtin_shuffle(v, from);
}

template <int By = kVL / 2>
MODELPOOL_INLINE float sum_of(Vec v) {
  if constexpr (By == 0)
    return v[0];
  else
    return sum_of<By / 2>(v + rotated<By>(v));
}
template <int By = kVL / 2>
MODELPOOL_INLINE float max_of(Vec v) {
  if constexpr (By == 0)
    return v[0];
  else
    return max_of<By / 2>(max(v, rotated<By>(v)));
}

// Turns VL vectors, the rows of a square, into its columns: squares of half the size change places, then their quarters …
template <int Half = kVL / 2>
MODELPOOL_INLINE void transpose(Vec (&rows)[kVL]) {
  if constexpr (Half > 0) {
    VecInt left, right;  // elements of the two vectors' concatenation
    for (int i = 0; i < kVL; ++i) {
      left[i] = (i & Half) == 0 ? i : i - Half + static_cast<int>(kVL);
      right[i] = (i & Half) == 0 ? i + Half : i + static_cast<int>(kVL);
    }
#pragma GCC unroll 16
    for (int i = 0; i < kVL; ++i) {
      if ((i & Half) != 0) continue;
      const Vec a = rows[i], b = rows[i + Half];
      rows[i] = __builtin_shuffle(a, b, left);
      rows[i + Half] = __builtin_shuffle(a, b, right);
    }
    transpose<Half / 2>(rows);
  }
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

// x times the logistic function of 1.702 x
MODELPOOL_INLINE Vec quick_gelu(Vec x) { return x / (1.0f + exp(x * -1.702f)); }

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

// gelu for results of lower precision, without a division: x (1/2 + v P(v^2)) with v = x inside [-4, 4], P fitted so that
// the largest error is least, 2e-4, and what is beyond goes to 0 or x.
MODELPOOL_INLINE Vec gelu_coarse(Vec x) {
  const Vec v = min(max(x, splat(-4.0f)), splat(4.0f));
  const Vec u = v * v;
  Vec p = splat(2.25881589e-08f);
  p = p * u - 1.58882426e-06f;
  p = p * u + 4.77638205e-05f;
  p = p * u - 0.000812186743f;
  p = p * u + 0.00876368675f;
  p = p * u - 0.0645544007f;
  p = p * u + 0.397870243f;
  return x * (v * p + 0.5f);
}

// How exactly an activation is computed: to float32's rounding, or as products of lower precision deserve.
enum class Exactness { full, coarse };

template <Exactness kExactness = Exactness::full>
MODELPOOL_INLINE Vec activate(Vec x, Activation activation) {
  switch (activation) {
    case Activation::gelu:
      return kExactness == Exactness::full ? gelu(x) : gelu_coarse(x);
    case Activation::gelu_new:
      return gelu_new(x);
    case Activation::quick_gelu:
      return quick_gelu(x);
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

// ---- vectors of other numbers

using VecShort = std::int16_t __attribute__((vector_size(4 * kVL)));       // two for each float
using HalfShort = std::int16_t __attribute__((vector_size(2 * kVL)));      // one for each float
using HalfUnsigned = std::uint16_t __attribute__((vector_size(2 * kVL)));  // one for each float
using Bytes = std::int8_t __attribute__((vector_size(kVL)));               // one for each float
using HalfByte = std::int8_t __attribute__((vector_size(2 * kVL)));        // two for each float
using VecUnsigned = std::uint32_t __attribute__((vector_size(4 * kVL)));

/// The upper half of a float32.
using Bf16 = std::uint16_t;

// g++ 12 widens a vector by halves where the set has one instruction for it, so that is named.
MODELPOOL_INLINE VecUnsigned widen(const std::uint16_t* p) {
#if defined(__AVX512F__)
  return reinterpret_cast<VecUnsigned>(_mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))));
#elif defined(__AVX2__)
  return reinterpret_cast<VecUnsigned>(_mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
#else
  HalfUnsigned v;
  __builtin_memcpy(&v, p, sizeof v);
  return __builtin_convertvector(v, VecUnsigned);
#endif
}
MODELPOOL_INLINE VecShort widen(const std::int8_t* p) {
#if defined(__AVX512BW__)
  return reinterpret_cast<VecShort>(_mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))));
#elif defined(__AVX2__)
  return reinterpret_cast<VecShort>(_mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
#else
  HalfByte v;
  __builtin_memcpy(&v, p, sizeof v);
  return __builtin_convertvector(v, VecShort);
#endif
}

MODELPOOL_INLINE Vec load_bf16(const Bf16* p) { return reinterpret_cast<Vec>(widen(p) << 16); }

MODELPOOL_INLINE float from_bf16(Bf16 x) {
  const std::uint32_t bits = std::uint32_t{x} << 16;
  float result;
  __builtin_memcpy(&result, &bits, sizeof result);
  return result;
}

// IEEE's 16 bits. Moved to float32's places, all but infinities and NaNs are too small by the difference of the exponents'
// biases, also those below the normal numbers.
constexpr float kHalfScale = 0x1p112f;
MODELPOOL_INLINE Vec load_f16(const std::uint16_t* p) {
  const VecUnsigned half = widen(p);
  const VecUnsigned magnitude = (half & 0x7FFFU) << 13;
  const VecUnsigned scaled = reinterpret_cast<VecUnsigned>(reinterpret_cast<Vec>(magnitude) * kHalfScale);
  const VecUnsigned special = reinterpret_cast<VecUnsigned>((half & 0x7C00U) == 0x7C00U) & 0x7F800000U;
  return reinterpret_cast<Vec>(scaled | special | (half & 0x8000U) << 16);
}
MODELPOOL_INLINE float from_f16(std::uint16_t x) {
  const std::uint32_t magnitude = (std::uint32_t{x} & 0x7FFFU) << 13;
  float scaled;
  __builtin_memcpy(&scaled, &magnitude, sizeof scaled);
  scaled *= kHalfScale;
  std::uint32_t bits;
  __builtin_memcpy(&bits, &scaled, sizeof bits);
  bits |= ((x & 0x7C00U) == 0x7C00U ? 0x7F800000U : 0U) | (std::uint32_t{x} & 0x8000U) << 16;
  float result;
  __builtin_memcpy(&result, &bits, sizeof result);
  return result;
}

// To the nearest, to even where two are equally near; a NaN stays one.
MODELPOOL_INLINE void store_bf16(Bf16* p, Vec x) {
#ifdef __AVX512BF16__
  const auto upper = _mm512_cvtneps_pbh(reinterpret_cast<__m512>(x));
#else
  const VecUnsigned bits = reinterpret_cast<VecUnsigned>(x);
  const VecUnsigned rounded = bits + 0x7FFFU + ((bits >> 16) & 1U);
  const VecUnsigned quiet = bits | 0x400000U;
  const VecInt nan = x != x;
  const VecUnsigned chosen =
      (reinterpret_cast<VecUnsigned>(nan) & quiet) | (~reinterpret_cast<VecUnsigned>(nan) & rounded);
  const HalfUnsigned upper = __builtin_convertvector(chosen >> 16, HalfUnsigned);
#endif
  __builtin_memcpy(p, &upper, sizeof upper);
}
// The same of one number.
MODELPOOL_INLINE Bf16 to_bf16(float x) {
  std::uint32_t bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  const std::uint32_t rounded = x != x ? bits | 0x400000U : bits + 0x7FFFU + ((bits >> 16) & 1U);
  return static_cast<Bf16>(rounded >> 16);
}

// The nearest integer, for |x| < 2^22.
MODELPOOL_INLINE VecInt round_to_int(Vec x) {
  const Vec shifter = splat(12582912.0f);
  return __builtin_convertvector((x + shifter) - shifter, VecInt);
}

}  // namespace
}  // namespace modelpool::kernels::cpu
