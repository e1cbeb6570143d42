// SPDX-License-Identifier: Apache-2.0
// Linear layers that multiply two neighbouring inputs with their weights in one instruction: 16-bit integers (int8
// weights), and bfloat16 where the processor has it. After linear_float.inl. kernels_<isa>.cpp defines, before the include,
//   MODELPOOL_KERNELS_PR, MODELPOOL_KERNELS_PV   register tile: rows, vectors in a row
//   MODELPOOL_KERNELS_DOT_INT(sum, a, b)    VecInt: sum + products of the pairs of two VecShort
//   MODELPOOL_KERNELS_DOT_BF16(sum, a, b)   Vec: the same of pairs of bfloat16; not defined: there is no such instruction
namespace modelpool::kernels::cpu {
namespace {

constexpr i64 kPR = MODELPOOL_KERNELS_PR;
constexpr i64 kPV = MODELPOOL_KERNELS_PV;
constexpr i64 kPairWidth = kPV * kVL;  // outputs of a panel
constexpr i64 kPairRows = 16 * kPR;    // rows whose inputs are converted at a time

// Inputs of some rows as pairs of 16 bits, zero behind an odd number, and a scale for each row.
struct PairRows {
  std::int32_t* pairs;  // (kPairRows, num_pairs)
  float* scales;        // (kPairRows)
};

MODELPOOL_INLINE i64 num_pairs(i64 in_features) { return (in_features + 1) / 2; }

// ---- integers

// w ~ scale[output, group] * element, x ~ scale[row] * element
struct IntegerPairs {
  using Element = std::int8_t;
  using Sum = VecInt;
  static constexpr i64 kGroup = 64;    // inputs whose weights share a scale: no sum of theirs leaves 32 bits
  static constexpr float kMost = 127;  // of a weight as integer
  static constexpr float kMostOfInputs = 32767;

  MODELPOOL_INLINE static VecShort load(const Element* p) { return widen(p); }
  MODELPOOL_INLINE static Sum dot(Sum sum, VecShort weights, VecShort inputs) {
    return MODELPOOL_KERNELS_DOT_INT(sum, weights, inputs);
  }
  MODELPOOL_INLINE static Vec add(Vec total, Sum sum, Vec scales) {
    return total + __builtin_convertvector(sum, Vec) * scales;
  }

  // @return scale of the row
  static float convert(const float* x, i64 n, std::int16_t* out) {
    const float size = largest(x, n);
    const float inverse = size > 0 ? kMostOfInputs / size : 0.0f;
    const i64 whole = n / kVL * kVL;
    for (i64 i = 0; i < whole; i += kVL) {
      const HalfShort q = __builtin_convertvector(round_to_int(cpu::load(x + i) * inverse), HalfShort);
      __builtin_memcpy(out + i, &q, sizeof q);
    }
    for (i64 i = whole; i < n; ++i) out[i] = static_cast<std::int16_t>(round_to_int(splat(x[i] * inverse))[0]);
    return size / kMostOfInputs;
  }

  MODELPOOL_INLINE static float largest(const float* x, i64 n) {
    const i64 whole = n / kVL * kVL;
    Vec best{};
    for (i64 i = 0; i < whole; i += kVL) {
      const Vec v = cpu::load(x + i);
      best = max(best, max(v, -v));
    }
    float most = max_of(best);
    for (i64 i = whole; i < n; ++i) {
      const float size = x[i] < 0 ? -x[i] : x[i];
      most = size > most ? size : most;
    }
    return most;
  }

  // out = weight * inverse, to the nearest
  MODELPOOL_INLINE static void to_elements(const float* weight, i64 n, float inverse, Element* out) {
    const i64 whole = n / kVL * kVL;
    for (i64 k = 0; k < whole; k += kVL) {
      const Bytes q = __builtin_convertvector(round_to_int(cpu::load(weight + k) * inverse), Bytes);
      __builtin_memcpy(out + k, &q, sizeof q);
    }
    for (i64 k = whole; k < n; ++k) out[k] = static_cast<Element>(round_to_int(splat(weight[k] * inverse))[0]);
  }

  // Writes the weights of one output in one group, `stride` elements from pair to pair. @return its scale there
  static float pack(const float* weight, i64 n, Element* out, i64 stride) {
    const float size = largest(weight, n);
    const float inverse = size > 0 ? kMost / size : 0.0f;
    Element values[kGroup + 1] = {};  // one more: an odd number has a zero behind it
    to_elements(weight, n, inverse, values);
    for (i64 k = 0; k < n; k += 2, out += stride) __builtin_memcpy(out, values + k, 2);
    return size / kMost;
  }
};

// ---- bfloat16

#ifdef MODELPOOL_KERNELS_DOT_BF16
struct Bf16Pairs {
  using Element = Bf16;
  using Sum = Vec;
  static constexpr i64 kGroup = i64{1} << 30;  // no scales

  MODELPOOL_INLINE static VecShort load(const Element* p) {
    VecShort v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
  }
  MODELPOOL_INLINE static Sum dot(Sum sum, VecShort weights, VecShort inputs) {
    return MODELPOOL_KERNELS_DOT_BF16(sum, weights, inputs);
  }
  MODELPOOL_INLINE static Vec add(Vec total, Sum sum, Vec) { return total + sum; }

  static float convert(const float* x, i64 n, std::int16_t* out) {
    auto* to = reinterpret_cast<Bf16*>(out);
    const i64 whole = n / kVL * kVL;
    for (i64 i = 0; i < whole; i += kVL) store_bf16(to + i, cpu::load(x + i));
    for (i64 i = whole; i < n; ++i) to[i] = to_bf16(x[i]);
    return 1;
  }
  static float pack(const float* weight, i64 n, Element* out, i64 stride) {
    for (i64 k = 0; k < n; ++k) out[k / 2 * stride + k % 2] = to_bf16(weight[k]);
    return 1;
  }
};
#endif

// ---- the panel: (pairs, outputs, 2) elements, then a scale for each (group, output)

template <class Pairs>
MODELPOOL_INLINE i64 num_groups(i64 in_features) {
  return (in_features + Pairs::kGroup - 1) / Pairs::kGroup;
}

template <class Pairs>
MODELPOOL_INLINE i64 element_bytes(i64 in_features) {
  return round_up(num_pairs(in_features) * kPairWidth * 2 * static_cast<i64>(sizeof(typename Pairs::Element)), 64);
}

template <class Pairs>
std::size_t pair_panel_bytes(i64 in_features) {
  const i64 scales = num_groups<Pairs>(in_features) * kPairWidth;
  return static_cast<std::size_t>(element_bytes<Pairs>(in_features) +
                                  round_up(scales * static_cast<i64>(sizeof(float)), 64));
}

template <class Pairs>
void pack_pair_panel(const float* weight, i64 columns, i64 depth, std::byte* panel) {
  auto* elements = reinterpret_cast<typename Pairs::Element*>(panel);
  auto* scales = reinterpret_cast<float*>(panel + element_bytes<Pairs>(depth));
  for (i64 k = 0; k < depth; k += Pairs::kGroup, scales += kPairWidth) {
    for (i64 j = 0; j < columns; ++j) {
      scales[j] = Pairs::pack(weight + j * depth + k, min(depth - k, Pairs::kGroup), elements + k * kPairWidth + 2 * j,
                              2 * kPairWidth);
    }
  }
}

template <class Pairs>
void pack_pairs(const float* weight, PackedShape shape, void* packed) {
  const i64 depth = shape.in_features;
  auto* at = static_cast<std::byte*>(packed);
  for (i64 n = 0; n < shape.out_features; n += kPairWidth, at += pair_panel_bytes<Pairs>(depth)) {
    __builtin_memset(at, 0, pair_panel_bytes<Pairs>(depth));
    pack_pair_panel<Pairs>(weight + n * depth, min(shape.out_features - n, kPairWidth), depth, at);
  }
}

// ---- the register tile: R rows times one panel

template <class Pairs>
struct PairTile {
  const std::int32_t* a;  // R rows, a_stride apart
  const float* a_scales;  // (R)
  const typename Pairs::Element* panel;
  const float* scales;  // (groups, kPairWidth)
  i64 a_stride, pairs;
};

template <std::size_t R, class Pairs>
MODELPOOL_INLINE void multiply_pairs(const PairTile<Pairs>& tile, i64 begin, i64 end,
                                     typename Pairs::Sum (&sum)[R][kPV]) {
  const auto* b = tile.panel + begin * 2 * kPairWidth;
  for (i64 k = begin; k < end; ++k, b += 2 * kPairWidth) {
    VecShort row[kPV];
#pragma GCC unroll 8
    for (i64 j = 0; j < kPV; ++j) row[j] = Pairs::load(b + j * 2 * kVL);
#pragma GCC unroll 16
    for (i64 i = 0; i < static_cast<i64>(R); ++i) {
      const VecShort x = reinterpret_cast<VecShort>(tile.a[i * tile.a_stride + k] - VecInt{});
#pragma GCC unroll 8
      for (i64 j = 0; j < kPV; ++j) sum[i][j] = Pairs::dot(sum[i][j], row[j], x);
    }
  }
}

template <std::size_t R, class Pairs>
void pair_tile_of(const PairTile<Pairs>& tile, const Output& out) {
  prefetch<R>(out, kPairWidth);
  Vec total[R][kPV] = {};
  const float* scales = tile.scales;
  for (i64 k = 0; k < tile.pairs; k += Pairs::kGroup / 2, scales += kPairWidth) {
    typename Pairs::Sum sum[R][kPV] = {};
    multiply_pairs(tile, k, min(k + Pairs::kGroup / 2, tile.pairs), sum);
    for (i64 j = 0; j < kPV; ++j) {
      const Vec scale = load(scales + j * kVL);
      for (i64 i = 0; i < static_cast<i64>(R); ++i) total[i][j] = Pairs::add(total[i][j], sum[i][j], scale);
    }
  }
  for (i64 i = 0; i < static_cast<i64>(R); ++i) {
    for (i64 j = 0; j < kPV; ++j) total[i][j] *= tile.a_scales[i];
  }
  write<Exactness::coarse>(out, total);
}

template <std::size_t R, class Pairs>
MODELPOOL_INLINE void pair_tile_of_rows(i64 rows, const PairTile<Pairs>& tile, const Output& out) {
  if (rows >= static_cast<i64>(R)) return pair_tile_of<R>(tile, out);
  if constexpr (R > 1) pair_tile_of_rows<R - 1>(rows, tile, out);
}

// ---- linear

[[maybe_unused]] std::size_t pair_scratch_bytes(i64 in_features) {
  return static_cast<std::size_t>(kPairRows * (num_pairs(in_features) + 1)) * 4;
}

template <class Pairs>
void convert_rows(const LinearArgs& args, i64 m, i64 rows, const PairRows& out) {
  const i64 n = args.shape.in_features;
  for (i64 i = 0; i < rows; ++i) {
    auto* pairs = reinterpret_cast<std::int16_t*>(out.pairs + i * num_pairs(n));
    out.scales[i] = Pairs::convert(args.x + (m + i) * args.x_stride, n, pairs);
    if (n % 2 != 0) pairs[n] = 0;
  }
}

template <class Pairs>
void linear_pairs(const LinearArgs& args) {
  const i64 depth = args.shape.in_features;
  const i64 pairs = num_pairs(depth);
  auto* const scratch = static_cast<std::int32_t*>(args.scratch);
  const PairRows inputs{scratch, reinterpret_cast<float*>(scratch + kPairRows * pairs)};
  for (i64 m = 0; m < args.rows; m += kPairRows) {
    const i64 rows = min(args.rows - m, kPairRows);
    convert_rows<Pairs>(args, m, rows, inputs);
    const auto* at = static_cast<const std::byte*>(args.packed);
    for (i64 n = 0; n < args.shape.out_features; n += kPairWidth, at += pair_panel_bytes<Pairs>(depth)) {
      const auto* panel = reinterpret_cast<const typename Pairs::Element*>(at);
      const auto* scales = reinterpret_cast<const float*>(at + element_bytes<Pairs>(depth));  // (groups, kPairWidth)
      for (i64 i = 0; i < rows; i += kPR) {
        const PairTile<Pairs> tile{inputs.pairs + i * pairs, inputs.scales + i, panel, scales, pairs, pairs};
        const Output out{args.y + (m + i) * args.y_stride + n,         args.y_stride,
                         min(args.shape.out_features - n, kPairWidth), false,
                         args.bias ? args.bias + n : nullptr,          args.activation};
        pair_tile_of_rows<kPR>(rows - i, tile, out);
      }
    }
  }
}

template <class Pairs>
constexpr LinearKernels kPairLinear{
    kPR, kPairWidth, 4 * kPR, 16, pair_panel_bytes<Pairs>, pack_pairs<Pairs>, pair_scratch_bytes, linear_pairs<Pairs>};

}  // namespace
}  // namespace modelpool::kernels::cpu
