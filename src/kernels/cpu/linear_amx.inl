// SPDX-License-Identifier: Apache-2.0
// Linear layers by tiles of bfloat16 (AMX); after linear_float.inl, with vectors of 16 floats. The caller has asked the
// system for the tiles' state (kernels.cpp). Source: Intel, Architecture Instruction Set Extensions Programming Reference.
namespace modelpool::kernels::cpu {
namespace {

static_assert(kVL == 16);

constexpr i64 kTile = 16;              // rows of inputs, and outputs, of a tile
constexpr i64 kTileDepth = 32;         // inputs of a tile: 64 bytes of bfloat16
constexpr i64 kTileBytes = 16 * 64;    // of any tile that is full
constexpr i64 kTileWidth = 2 * kTile;  // outputs of a panel
constexpr i64 kTileRows = 256;         // rows whose inputs are converted at a time

// ---- the panel: for each 32 inputs two tiles of (16 pairs of inputs, 16 outputs, 2)

MODELPOOL_INLINE i64 tile_steps(i64 in_features) { return (in_features + kTileDepth - 1) / kTileDepth; }

std::size_t tile_panel_bytes(i64 in_features) {
  return static_cast<std::size_t>(2 * kTileBytes * tile_steps(in_features));
}

void pack_tile_panel(const float* weight, i64 columns, i64 depth, Bf16* panel) {
  for (i64 j = 0; j < columns; ++j) {
    Bf16* const tile = panel + j / kTile * (kTileBytes / 2) + j % kTile * 2;
    for (i64 k = 0; k < depth; ++k) {
      const i64 inside = k % kTileDepth;
      tile[k / kTileDepth * kTileBytes + inside / 2 * (2 * kTile) + inside % 2] = to_bf16(weight[j * depth + k]);
    }
  }
}

void pack_tiles(const float* weight, PackedShape shape, void* packed) {
  const i64 depth = shape.in_features;
  auto* at = static_cast<std::byte*>(packed);
  for (i64 n = 0; n < shape.out_features; n += kTileWidth, at += tile_panel_bytes(depth)) {
    __builtin_memset(at, 0, tile_panel_bytes(depth));
    pack_tile_panel(weight + n * depth, min(shape.out_features - n, kTileWidth), depth, reinterpret_cast<Bf16*>(at));
  }
}

// ---- inputs: rows of bfloat16, filled up with zeros to whole tiles

// In bytes. 64 more than the inputs need, so that the rows of a tile do not fall into few sets of the cache.
MODELPOOL_INLINE i64 tile_row_bytes(i64 in_features) { return tile_steps(in_features) * 64 + 64; }

std::size_t tile_scratch_bytes(i64 in_features) {
  return static_cast<std::size_t>(kTileRows * tile_row_bytes(in_features));
}

MODELPOOL_INLINE void convert_tile_row(const float* x, i64 n, i64 padded, Bf16* out) {
  const i64 whole = n / kVL * kVL;
  for (i64 i = 0; i < whole; i += kVL) store_bf16(out + i, load(x + i));
  for (i64 i = whole; i < n; ++i) out[i] = to_bf16(x[i]);
  for (i64 i = n; i < padded; ++i) out[i] = 0;
}

void convert_tile_rows(const LinearArgs& args, i64 m, i64 rows, std::byte* out) {
  const i64 n = args.shape.in_features;
  const i64 bytes = tile_row_bytes(n);
  for (i64 i = 0; i < rows; ++i) {
    convert_tile_row(args.x + (m + i) * args.x_stride, n, tile_steps(n) * kTileDepth,
                     reinterpret_cast<Bf16*>(out + i * bytes));
  }
  for (i64 i = rows; i < round_up(rows, kTile); ++i)
    __builtin_memset(out + i * bytes, 0, static_cast<std::size_t>(bytes));
}

// ---- products

struct TileConfig {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t bytes_per_row[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
static_assert(sizeof(TileConfig) == 64);

// Sums that wait to become results. They are written while the tiles multiply for the next ones: the tiles' unit and the
// vectors' work at the same time only where their instructions stand close together.
struct Pending {
  const float* sums = nullptr;  // (32, kTileWidth)
  i64 rows = 0;                 // left
  Output out = {};
};

MODELPOOL_INLINE void write_some(Pending& pending, i64 most) {
  for (; most > 0 && pending.rows > 0; --most, --pending.rows) {
    const Vec values[1][2] = {{load(pending.sums), load(pending.sums + kTile)}};
    write<Exactness::coarse>(pending.out, values);
    pending.sums += kTileWidth;
    pending.out.y += pending.out.y_stride;
  }
}

struct TileProduct {
  const std::byte* a;  // rows of inputs, a_bytes apart
  i64 a_bytes;
  const std::byte* panel;
  i64 steps;
  const std::byte* next_panel;  // is fetched into the cache meanwhile; null: not
};

// The part of the next panel that lies where this one is read.
MODELPOOL_INLINE void prefetch_panel(const TileProduct& product, i64 step) {
  if (!product.next_panel) return;
  const std::byte* const lines = product.next_panel + step * 2 * kTileBytes;
#pragma GCC unroll 32
  for (i64 i = 0; i < 2 * kTileBytes; i += 64) __builtin_prefetch(lines + i);
}

constexpr i64 kSumsStride = kTileWidth * static_cast<i64>(sizeof(float));

// sums = 32 rows times a panel. Tiles 0 … 3: sums, 4, 5: inputs, 6, 7: weights.
void multiply_32_rows(const TileProduct& product, float* sums, Pending& pending) {
  const i64 rows_at_once = (2 * kTile + product.steps - 1) / product.steps;
  const std::byte* a = product.a;
  const std::byte* panel = product.panel;
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (i64 k = 0; k < product.steps; ++k, a += 64, panel += 2 * kTileBytes) {
    _tile_loadd(4, a, product.a_bytes);
    _tile_loadd(6, panel, 64);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(7, panel + kTileBytes, 64);
    _tile_dpbf16ps(1, 4, 7);
    _tile_loadd(5, a + kTile * product.a_bytes, product.a_bytes);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
    prefetch_panel(product, k);
    write_some(pending, rows_at_once);
  }
  _tile_stored(0, sums, kSumsStride);
  _tile_stored(1, sums + kTile, kSumsStride);
  _tile_stored(2, sums + kTile * kTileWidth, kSumsStride);
  _tile_stored(3, sums + kTile * kTileWidth + kTile, kSumsStride);
}

void multiply_16_rows(const TileProduct& product, float* sums, Pending& pending) {
  const i64 rows_at_once = (2 * kTile + product.steps - 1) / product.steps;
  const std::byte* a = product.a;
  const std::byte* panel = product.panel;
  _tile_zero(0);
  _tile_zero(1);
  for (i64 k = 0; k < product.steps; ++k, a += 64, panel += 2 * kTileBytes) {
    _tile_loadd(4, a, product.a_bytes);
    _tile_loadd(6, panel, 64);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(7, panel + kTileBytes, 64);
    _tile_dpbf16ps(1, 4, 7);
    prefetch_panel(product, k);
    write_some(pending, rows_at_once);
  }
  _tile_stored(0, sums, kSumsStride);
  _tile_stored(1, sums + kTile, kSumsStride);
}

void tile_block(const LinearArgs& args, i64 m, i64 rows, const std::byte* inputs) {
  alignas(64) float sums[2][kTileWidth * kTileWidth];  // one is written out while the other is made
  i64 which = 0;
  Pending pending;
  const i64 depth = args.shape.in_features;
  const i64 panel_bytes = static_cast<i64>(tile_panel_bytes(depth));
  TileProduct product{inputs, tile_row_bytes(depth), static_cast<const std::byte*>(args.packed), tile_steps(depth),
                      nullptr};
  for (i64 n = 0; n < args.shape.out_features; n += kTileWidth, product.panel += panel_bytes) {
    const bool last = n + kTileWidth >= args.shape.out_features;
    for (i64 i = 0; i < rows; i += 2 * kTile, which = 1 - which) {
      const i64 here = min(rows - i, 2 * kTile);
      product.a = inputs + i * product.a_bytes;
      product.next_panel = i == 0 && !last ? product.panel + panel_bytes : nullptr;
      here > kTile ? multiply_32_rows(product, sums[which], pending) : multiply_16_rows(product, sums[which], pending);
      pending = {sums[which],
                 here,
                 {args.y + (m + i) * args.y_stride + n, args.y_stride, min(args.shape.out_features - n, kTileWidth),
                  false, args.bias ? args.bias + n : nullptr, args.activation}};
    }
  }
  write_some(pending, 2 * kTile);
}

void linear_tiles(const LinearArgs& args) {
  auto* const inputs = static_cast<std::byte*>(args.scratch);
  const TileConfig config;
  _tile_loadconfig(&config);
  for (i64 m = 0; m < args.rows; m += kTileRows) {
    const i64 rows = min(args.rows - m, kTileRows);
    convert_tile_rows(args, m, rows, inputs);
    tile_block(args, m, rows, inputs);
  }
  _tile_release();  // a thread without tiles in use is cheaper to switch
}

constexpr LinearKernels kTileLinear{2 * kTile,        kTileWidth, kTileRows,          16,
                                    tile_panel_bytes, pack_tiles, tile_scratch_bytes, linear_tiles};

}  // namespace
}  // namespace modelpool::kernels::cpu
