// SPDX-License-Identifier: Apache-2.0
// Attention by tiles of bfloat16 (AMX); after linear_amx.inl and encoder.inl. Queries, keys, values and weights are rounded to
// bfloat16, sums and the softmax are float32.
namespace modelpool::kernels::cpu {
namespace {

// Sizes of one head's attention, rounded up to whole tiles.
struct TiledHead {
  i64 depth_steps;  // of 32 features
  i64 queries;      // a multiple of 32: two tiles are computed together
  i64 keys;         // a multiple of 32: a step of the second product
  i64 query_bytes;  // of a row of queries

  static TiledHead of(i64 length, i64 head_size) {
    const i64 steps = (head_size + kTileDepth - 1) / kTileDepth;
    return {steps, round_up(length, 32), round_up(length, 32), steps * 64};
  }
};

// ---- operands

// Rows of queries times scale / ln(2), so that the softmax can take powers of two.
void pack_tile_queries(const AttentionArgs& args, const TiledHead& head, Bf16* out) {
  const float scale = args.scale * 1.44269504088896341f;
  const i64 row = head.depth_steps * kTileDepth;
  for (i64 i = 0; i < head.queries; ++i, out += row) {
    __builtin_memset(out, 0, static_cast<std::size_t>(head.query_bytes));
    if (i >= args.length) continue;
    for (i64 k = 0; k < args.head_size; k += kVL) store_bf16(out + k, load(args.q + i * args.stride + k) * scale);
  }
}

// For each 16 keys and 32 features a tile of (16 pairs of features, 16 keys, 2): the rows of keys, as pairs, turned.
void pack_tile_keys(const AttentionArgs& args, const TiledHead& head, std::byte* out) {
  for (i64 n = 0; n < head.keys; n += kTile) {
    for (i64 k = 0; k < head.depth_steps * kTileDepth; k += kTileDepth, out += kTileBytes) {
      alignas(64) Bf16 rows[kTile][kTileDepth] = {};
      for (i64 j = 0; j < min(args.length - n, kTile); ++j) {
        const float* const key = args.k + (n + j) * args.stride + k;
        for (i64 i = 0; i < min(args.head_size - k, kTileDepth); i += kVL) store_bf16(rows[j] + i, load(key + i));
      }
      Vec pairs[kVL];
#pragma GCC unroll 16
      for (i64 j = 0; j < kVL; ++j) __builtin_memcpy(&pairs[j], rows[j], sizeof(Vec));
      transpose(pairs);
#pragma GCC unroll 16
      for (i64 j = 0; j < kVL; ++j) __builtin_memcpy(out + j * 64, &pairs[j], sizeof(Vec));
    }
  }
}

MODELPOOL_INLINE VecUnsigned rounded_bf16(Vec x) {  // in the upper half of each element; not for NaN
  const VecUnsigned bits = reinterpret_cast<VecUnsigned>(x);
  return bits + 0x7FFFU + ((bits >> 16) & 1U);
}

// For each 16 features and 32 keys a tile of (16 pairs of keys, 16 features, 2).
void pack_tile_values(const AttentionArgs& args, const TiledHead& head, std::byte* out) {
  for (i64 n = 0; n < args.head_size; n += kTile) {
    for (i64 j = 0; j < head.keys; j += 2, out += 64) {
      const float* const value = args.v + j * args.stride + n;
      const Vec first = j < args.length ? load(value) : Vec{};
      const Vec second = j + 1 < args.length ? load(value + args.stride) : Vec{};
      const VecUnsigned pair = (rounded_bf16(first) >> 16) | (rounded_bf16(second) & 0xFFFF0000U);
      __builtin_memcpy(out, &pair, sizeof pair);
    }
  }
}

// ---- softmax

// 2^x for x <= 0, with 1e-4 of relative error; 0 below -126. n + f = x, |f| <= 1/2, and a polynomial for 2^f.
MODELPOOL_INLINE Vec power_of_two(Vec x) {
  const Vec shifter = splat(12582912.0f);
  const Vec bounded = max(x, splat(-126.0f));
  const Vec n = (bounded + shifter) - shifter;
  const Vec f = bounded - n;
  Vec p = splat(0.0550090578f);
  p = p * f + 0.242210975f;
  p = p * f + 0.693282898f;
  p = p * f + 1.0f;  // exactly, for the largest of a row
  const VecInt power = (__builtin_convertvector(n, VecInt) + 127) << 23;
  return select(x < -126.0f, Vec{}, p * reinterpret_cast<Vec>(power));
}

// weights = 2^(row + bias - max) over `length`, zero behind it. @return 1 / sum
MODELPOOL_INLINE float softmax_to_bf16(float* row, const float* bias, i64 length, i64 padded, Bf16* weights) {
  if (bias) {
    constexpr float kLog2e = 1.44269504088896341f;
    for (i64 i = 0; i < length; ++i) row[i] += bias[i] * kLog2e;
  }
  for (i64 i = length; i < padded; ++i) row[i] = -__builtin_inff();
  Vec best = load(row);
  for (i64 i = kVL; i < padded; i += kVL) best = max(best, load(row + i));
  const float top = max_of(best);
  Vec sums{};
  for (i64 i = 0; i < padded; i += kVL) {
    const Vec e = power_of_two(load(row + i) - top);
    store_bf16(weights + i, e);
    sums += e;
  }
  return 1.0f / sum_of(sums);
}

// ---- the two products

// scores (32, keys) = 32 rows of queries times all keys
void tile_scores(const TiledHead& head, const std::byte* queries, const std::byte* keys, float* scores) {
  const i64 row_bytes = head.keys * static_cast<i64>(sizeof(float));
  const i64 tile_bytes = head.depth_steps * kTileBytes;  // of 16 keys
  for (i64 n = 0; n < head.keys; n += 2 * kTile, keys += 2 * tile_bytes) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (i64 k = 0; k < head.depth_steps; ++k) {
      _tile_loadd(4, queries + k * 64, head.query_bytes);
      _tile_loadd(6, keys + k * kTileBytes, 64);
      _tile_dpbf16ps(0, 4, 6);
      _tile_loadd(7, keys + tile_bytes + k * kTileBytes, 64);
      _tile_dpbf16ps(1, 4, 7);
      _tile_loadd(5, queries + kTile * head.query_bytes + k * 64, head.query_bytes);
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, scores + n, row_bytes);
    _tile_stored(1, scores + n + kTile, row_bytes);
    _tile_stored(2, scores + kTile * head.keys + n, row_bytes);
    _tile_stored(3, scores + kTile * head.keys + n + kTile, row_bytes);
  }
}

// sums (32, 16) = 32 rows of weights times the values of 16 features
MODELPOOL_INLINE void tile_context(const TiledHead& head, const Bf16* weights, const std::byte* values, float* sums) {
  const i64 row_bytes = head.keys * static_cast<i64>(sizeof(Bf16));
  _tile_zero(0);
  _tile_zero(1);
  for (i64 j = 0; j < head.keys; j += kTileDepth, values += kTileBytes) {
    _tile_loadd(4, weights + j, row_bytes);
    _tile_loadd(6, values, 64);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(5, weights + kTile * head.keys + j, row_bytes);
    _tile_dpbf16ps(1, 5, 6);
  }
  _tile_stored(0, sums, 64);
  _tile_stored(1, sums + kTile * kTile, 64);
}

// ---- attention

struct TileScratch {
  std::byte* queries;
  std::byte* keys;
  std::byte* values;
  float* scores;  // (32, keys)
  Bf16* weights;  // (32, keys)
};

void attend_32_rows(const AttentionArgs& args, const TiledHead& head, i64 m, const TileScratch& at) {
  const i64 rows = min(args.length - m, i64{32});
  tile_scores(head, at.queries + m * head.query_bytes, at.keys, at.scores);
  float factors[32];
  for (i64 i = 0; i < rows; ++i) {
    factors[i] = softmax_to_bf16(at.scores + i * head.keys, args.relative_bias ? args.relative_bias - (m + i) : nullptr,
                                 args.length, head.keys, at.weights + i * head.keys);
  }
  alignas(64) float sums[2 * kTile * kTile];
  for (i64 n = 0; n < args.head_size; n += kTile) {
    tile_context(head, at.weights, at.values + n / kTile * (head.keys / kTileDepth) * kTileBytes, sums);
    for (i64 i = 0; i < rows; ++i) store(args.out + (m + i) * args.out_stride + n, load(sums + i * kTile) * factors[i]);
  }
}

// Heads that are no whole number of tiles wide are computed in float32.
MODELPOOL_INLINE bool fits_tiles(i64 head_size) { return head_size % kTile == 0; }

i64 tile_attention_scratch(i64 length, i64 head_size) {
  if (!fits_tiles(head_size)) return attention_scratch(length, head_size);
  const TiledHead head = TiledHead::of(length, head_size);
  const i64 operand_bytes = head.queries * head.query_bytes + head.keys / kTile * head.depth_steps * kTileBytes +
                            head_size / kTile * (head.keys / kTileDepth) * kTileBytes;
  return operand_bytes / 4 + 32 * head.keys + 16 * head.keys;
}

void tile_attention(const AttentionArgs& args) {
  if (!fits_tiles(args.head_size)) return attention(args);
  const TiledHead head = TiledHead::of(args.length, args.head_size);
  TileScratch at{};
  at.queries = reinterpret_cast<std::byte*>(args.scratch);
  at.keys = at.queries + head.queries * head.query_bytes;
  at.values = at.keys + head.keys / kTile * head.depth_steps * kTileBytes;
  at.scores = reinterpret_cast<float*>(at.values + args.head_size / kTile * (head.keys / kTileDepth) * kTileBytes);
  at.weights = reinterpret_cast<Bf16*>(at.scores + 32 * head.keys);
  pack_tile_queries(args, head, reinterpret_cast<Bf16*>(at.queries));
  pack_tile_keys(args, head, at.keys);
  pack_tile_values(args, head, at.values);
  const TileConfig config;
  _tile_loadconfig(&config);
  for (i64 m = 0; m < args.length; m += 32) attend_32_rows(args, head, m, at);
  _tile_release();
}

}  // namespace
}  // namespace modelpool::kernels::cpu
