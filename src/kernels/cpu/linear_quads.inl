// SPDX-License-Identifier: Apache-2.0
// Linear layers that multiply four neighbouring inputs, integers of 8 bits without sign, with their int8 weights in one
// instruction. After linear_pairs.inl. kernels_<isa>.cpp defines, before the include,
//   MODELPOOL_KERNELS_DOT_BYTES(sum, a, b)   VecInt: sum + products of the fours of two vectors of bytes, a without sign
//
// Inputs and weights share groups of kQuadGroup inputs. In each, w ~ scale[output] * element and
// x ~ low[row] + step[row] * element, so that
//   sum of w x = step * scale * (sum of elements' products) + low * (sum of w)
// and the last sum is known when the weight is packed.
namespace modelpool::kernels::cpu {
namespace {

constexpr i64 kQuadGroup = 128;
constexpr float kMostOfBytes = 255;
// Sums begin here: as bits of a float32 they are 1.5 * 2^23 + the sum, exactly, since no sum of a group leaves 22 bits.
constexpr std::int32_t kZeroBits = 0x4B400000;
constexpr float kZero = 12582912.0f;
static_assert(kQuadGroup * 255 * 127 < 1 << 22);

MODELPOOL_INLINE i64 num_quads(i64 in_features) { return (in_features + 3) / 4; }
MODELPOOL_INLINE i64 num_quad_groups(i64 in_features) { return (in_features + kQuadGroup - 1) / kQuadGroup; }

// ---- the panel: (quads, outputs, 4) elements, then for each group (outputs) scales, -kZero * scales, sums of w

struct QuadScales {
  float scale[kPairWidth], minus_zero[kPairWidth], sum[kPairWidth];
};

MODELPOOL_INLINE i64 quad_element_bytes(i64 in_features) {
  return round_up(num_quads(in_features) * kPairWidth * 4, 64);
}

std::size_t quad_panel_bytes(i64 in_features) {
  return static_cast<std::size_t>(quad_element_bytes(in_features) +
                                  num_quad_groups(in_features) * static_cast<i64>(sizeof(QuadScales)));
}

// Writes the weights of one output in one group.
void pack_quad_group(const float* weight, i64 n, std::int8_t* out, QuadScales& scales, i64 output) {
  const float size = IntegerPairs::largest(weight, n);
  const float inverse = size > 0 ? IntegerPairs::kMost / size : 0.0f;
  const float scale = size / IntegerPairs::kMost;
  std::int8_t values[kQuadGroup] = {};
  std::int32_t sum = 0;
  IntegerPairs::to_elements(weight, n, inverse, values);
  for (i64 k = 0; k < n; ++k) sum += values[k];
  for (i64 k = 0; k < n; k += 4, out += 4 * kPairWidth) __builtin_memcpy(out, values + k, 4);
  scales.scale[output] = scale;
  scales.minus_zero[output] = -kZero * scale;
  scales.sum[output] = static_cast<float>(sum) * scale;
}

void pack_quads(const float* weight, PackedShape shape, void* packed) {
  const i64 depth = shape.in_features;
  auto* at = static_cast<std::byte*>(packed);
  for (i64 n = 0; n < shape.out_features; n += kPairWidth, at += quad_panel_bytes(depth)) {
    __builtin_memset(at, 0, quad_panel_bytes(depth));
    auto* elements = reinterpret_cast<std::int8_t*>(at);
    auto* scales = reinterpret_cast<QuadScales*>(at + quad_element_bytes(depth));
    const i64 columns = min(shape.out_features - n, kPairWidth);
    for (i64 k = 0; k < depth; k += kQuadGroup, ++scales) {
      for (i64 j = 0; j < columns; ++j) {
        pack_quad_group(weight + (n + j) * depth + k, min(depth - k, kQuadGroup), elements + k * kPairWidth + 4 * j,
                        *scales, j);
      }
    }
  }
}

// ---- the inputs

// Of one row in one group.
struct Range {
  float low, step;
};

// Inputs of some rows as bytes, zero behind a number that four does not divide.
struct QuadRows {
  std::uint8_t* bytes;  // (kPairRows, quads * 4)
  Range* ranges;        // (kPairRows, groups)
};

std::size_t quad_scratch_bytes(i64 in_features) {
  return static_cast<std::size_t>(
      kPairRows * (num_quads(in_features) * 4 + num_quad_groups(in_features) * static_cast<i64>(sizeof(Range))));
}

MODELPOOL_INLINE Range range_of(const float* x, i64 n) {
  Vec low = splat(x[0]), high = low;
  const i64 whole = n / kVL * kVL;
  for (i64 i = 0; i < whole; i += kVL) {
    const Vec v = load(x + i);
    low = min(v, low);
    high = max(v, high);
  }
  float least = -max_of(-low), most = max_of(high);
  for (i64 i = whole; i < n; ++i) {
    least = x[i] < least ? x[i] : least;
    most = x[i] > most ? x[i] : most;
  }
  return {least, (most - least) / kMostOfBytes};
}

MODELPOOL_INLINE Range to_bytes(const float* x, i64 n, std::uint8_t* out) {
  const Range range = range_of(x, n);
  const float inverse = range.step > 0 ? 1.0f / range.step : 0.0f;
  const i64 whole = n / kVL * kVL;
  for (i64 i = 0; i < whole; i += kVL) {
    const Bytes q = __builtin_convertvector(round_to_int((load(x + i) - range.low) * inverse), Bytes);
    __builtin_memcpy(out + i, &q, sizeof q);
  }
  for (i64 i = whole; i < n; ++i) {
    out[i] = static_cast<std::uint8_t>(round_to_int(splat((x[i] - range.low) * inverse))[0]);
  }
  return range;
}

void convert_rows(const LinearArgs& args, i64 m, i64 rows, const QuadRows& out) {
  const i64 n = args.shape.in_features;
  for (i64 i = 0; i < rows; ++i) {
    const float* x = args.x + (m + i) * args.x_stride;
    std::uint8_t* bytes = out.bytes + i * num_quads(n) * 4;
    Range* range = out.ranges + i * num_quad_groups(n);
    for (i64 k = 0; k < n; k += kQuadGroup) *range++ = to_bytes(x + k, min(n - k, kQuadGroup), bytes + k);
    for (i64 k = n; k < num_quads(n) * 4; ++k) bytes[k] = 0;
  }
}

// ---- the register tile: R rows times one panel

struct QuadTile {
  const std::uint8_t* a;  // R rows, quads * 4 apart
  const Range* ranges;    // R rows, groups apart
  const std::int8_t* panel;
  const QuadScales* scales;  // (groups)
  i64 quads, groups;
};

template <std::size_t R>
MODELPOOL_INLINE void multiply_quads(const QuadTile& tile, i64 begin, i64 end, VecInt (&sum)[R][kPV]) {
  const std::int8_t* b = tile.panel + begin * 4 * kPairWidth;
  const std::uint8_t* a = tile.a + begin * 4;
  for (i64 k = begin; k < end; ++k, a += 4, b += 4 * kPairWidth) {
    VecInt row[kPV];
#pragma GCC unroll 8
    for (i64 j = 0; j < kPV; ++j) __builtin_memcpy(&row[j], b + j * 4 * kVL, sizeof row[j]);
#pragma GCC unroll 16
    for (i64 i = 0; i < static_cast<i64>(R); ++i) {
      std::int32_t four;
      __builtin_memcpy(&four, a + i * tile.quads * 4, sizeof four);
      const VecInt x = four - VecInt{};
#pragma GCC unroll 8
      for (i64 j = 0; j < kPV; ++j) sum[i][j] = MODELPOOL_KERNELS_DOT_BYTES(sum[i][j], x, row[j]);
    }
  }
}

template <std::size_t R>
void quad_tile_of(const QuadTile& tile, const Output& out) {
  prefetch<R>(out, kPairWidth);
  Vec total[R][kPV] = {};
  for (i64 g = 0; g < tile.groups; ++g) {
    VecInt sum[R][kPV];
    for (auto& row : sum) {
      for (auto& v : row) v = kZeroBits - VecInt{};
    }
    multiply_quads(tile, g * kQuadGroup / 4, min((g + 1) * kQuadGroup / 4, tile.quads), sum);
    const QuadScales& scales = tile.scales[g];
    for (i64 j = 0; j < kPV; ++j) {
      const Vec scale = load(scales.scale + j * kVL), zero = load(scales.minus_zero + j * kVL);
      const Vec weights = load(scales.sum + j * kVL);
      for (i64 i = 0; i < static_cast<i64>(R); ++i) {
        const Range& range = tile.ranges[i * tile.groups + g];
        const Vec products = reinterpret_cast<Vec>(sum[i][j]) * scale + zero;
        total[i][j] += products * range.step;
        total[i][j] += weights * range.low;
      }
    }
  }
  write<Exactness::coarse>(out, total);
}

template <std::size_t R>
MODELPOOL_INLINE void quad_tile_of_rows(i64 rows, const QuadTile& tile, const Output& out) {
  if (rows >= static_cast<i64>(R)) return quad_tile_of<R>(tile, out);
  if constexpr (R > 1) quad_tile_of_rows<R - 1>(rows, tile, out);
}

// ---- linear

void linear_quads(const LinearArgs& args) {
  const i64 depth = args.shape.in_features;
  const i64 quads = num_quads(depth), groups = num_quad_groups(depth);
  auto* const scratch = static_cast<std::uint8_t*>(args.scratch);
  const QuadRows inputs{scratch, reinterpret_cast<Range*>(scratch + kPairRows * quads * 4)};
  for (i64 m = 0; m < args.rows; m += kPairRows) {
    const i64 rows = min(args.rows - m, kPairRows);
    convert_rows(args, m, rows, inputs);
    const auto* at = static_cast<const std::byte*>(args.packed);
    for (i64 n = 0; n < args.shape.out_features; n += kPairWidth, at += quad_panel_bytes(depth)) {
      const auto* panel = reinterpret_cast<const std::int8_t*>(at);
      const auto* scales = reinterpret_cast<const QuadScales*>(at + quad_element_bytes(depth));
      for (i64 i = 0; i < rows; i += kPR) {
        const QuadTile tile{inputs.bytes + i * quads * 4, inputs.ranges + i * groups, panel, scales, quads, groups};
        const Output out{args.y + (m + i) * args.y_stride + n,         args.y_stride,
                         min(args.shape.out_features - n, kPairWidth), false,
                         args.bias ? args.bias + n : nullptr,          args.activation};
        quad_tile_of_rows<kPR>(rows - i, tile, out);
      }
    }
  }
}

constexpr LinearKernels kQuadLinear{kPR,        kPairWidth,         4 * kPR,     8, quad_panel_bytes,
                                    pack_quads, quad_scratch_bytes, linear_quads};

}  // namespace
}  // namespace modelpool::kernels::cpu
