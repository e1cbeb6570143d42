// SPDX-License-Identifier: Apache-2.0
// Linear layers that multiply float32, on weights kept as float32 or as bfloat16; after vector.inl. kernels_<isa>.cpp
// defines, before the include,
//   MODELPOOL_KERNELS_MR, MODELPOOL_KERNELS_NV   register tile: rows, vectors in a row
//   MODELPOOL_KERNELS_KC   inputs in a block: a panel of KC x (NV * VL) floats stays in the first-level cache
namespace modelpool::kernels::cpu {
namespace {

constexpr i64 kMR = MODELPOOL_KERNELS_MR;
constexpr i64 kNV = MODELPOOL_KERNELS_NV;
constexpr i64 kNR = kNV * kVL;
constexpr i64 kKC = MODELPOOL_KERNELS_KC;
constexpr i64 kMC = 16 * kMR;  // rows in a block: kMC x kKC floats stay in the second-level cache

// ---- what becomes of a tile of sums

// What happens to a tile of sums: y = activation(sum + before + bias), as far as each is wanted.
struct Output {
  float* y;
  i64 y_stride;
  i64 columns;        // of the tile that exist, at least 1
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

template <Exactness kExactness = Exactness::full, std::size_t R, std::size_t N>
MODELPOOL_INLINE void write(const Output& out, const Vec (&sum)[R][N]) {
  for (i64 j = 0; j < static_cast<i64>(N); ++j) {
    const i64 here = min(out.columns - j * kVL, kVL);
    if (here <= 0) return;
    const bool whole = here == kVL;
    const float* bias = out.bias ? out.bias + j * kVL : nullptr;
    const Vec b = !bias ? Vec{} : whole ? load(bias) : load_partly(bias, here);
    for (i64 i = 0; i < static_cast<i64>(R); ++i) {
      float* y = out.y + i * out.y_stride + j * kVL;
      Vec v = sum[i][j];
      if (out.accumulate) v += whole ? load(y) : load_partly(y, here);
      v = activate<kExactness>(v + b, out.activation);
      whole ? store(y, v) : store_partly(y, v, here);
    }
  }
}

// The sums take long enough for the lines of y, each in another page, to arrive meanwhile.
template <std::size_t R>
MODELPOOL_INLINE void prefetch(const Output& out, i64 width) {
  for (i64 i = 0; i < static_cast<i64>(R); ++i) {
    for (i64 j = 0; j < width; j += 16) __builtin_prefetch(out.y + i * out.y_stride + j, 1);
  }
}

// ---- the register tile: R rows times one panel

template <class Weight>
struct Tile {
  const float* a;       // R rows, a_stride apart
  const Weight* panel;  // (depth, kNR), rows panel_stride apart
  i64 a_stride, depth;
  i64 panel_stride = kNR;
};

MODELPOOL_INLINE Vec load_weights(const float* p) { return load(p); }
MODELPOOL_INLINE Vec load_weights(const Bf16* p) { return load_bf16(p); }

template <std::size_t R, class Weight>
MODELPOOL_INLINE void multiply(const Tile<Weight>& tile, Vec (&sum)[R][kNV]) {
  const Weight* b = tile.panel;
  for (i64 k = 0; k < tile.depth; ++k, b += tile.panel_stride) {
    Vec row[kNV];
#pragma GCC unroll 8
    for (i64 j = 0; j < kNV; ++j) row[j] = load_weights(b + j * kVL);
#pragma GCC unroll 16
    for (i64 i = 0; i < static_cast<i64>(R); ++i) {
      const Vec x = splat(tile.a[i * tile.a_stride + k]);
#pragma GCC unroll 8
      for (i64 j = 0; j < kNV; ++j) sum[i][j] += x * row[j];
    }
  }
}

template <std::size_t R, class Weight>
void tile_of(const Tile<Weight>& tile, const Output& out) {
  prefetch<R>(out, kNR);
  Vec sum[R][kNV] = {};
  multiply<R>(tile, sum);
  write(out, sum);
}

// Rows below a full tile: the same sums in the same order, with fewer rows.
template <std::size_t R, class Weight>
MODELPOOL_INLINE void tile_of_rows(i64 rows, const Tile<Weight>& tile, const Output& out) {
  if (rows >= static_cast<i64>(R)) return tile_of<R>(tile, out);
  if constexpr (R > 1) tile_of_rows<R - 1>(rows, tile, out);
}

// ---- linear

template <class Weight>
std::size_t panel_bytes(i64 in_features) {
  return static_cast<std::size_t>(round_up(kNR * in_features * static_cast<i64>(sizeof(Weight)), 64));
}

MODELPOOL_INLINE void put(float* p, float x) { *p = x; }
MODELPOOL_INLINE void put(Bf16* p, float x) { *p = to_bf16(x); }

template <class Weight>
void pack_weight(const float* weight, PackedShape shape, void* packed) {
  const i64 depth = shape.in_features;
  for (i64 n = 0; n < shape.out_features; n += kNR) {
    auto* panel = reinterpret_cast<Weight*>(static_cast<std::byte*>(packed) +
                                            static_cast<std::size_t>(n / kNR) * panel_bytes<Weight>(depth));
    const i64 columns = min(shape.out_features - n, kNR);
    for (i64 k = 0; k < depth; ++k, panel += kNR) {
      for (i64 j = 0; j < columns; ++j) put(panel + j, weight[(n + j) * depth + k]);
      for (i64 j = columns; j < kNR; ++j) put(panel + j, 0);
    }
  }
}

// Blocks of inputs of equal length, so that the last one is not a remainder of a few.
i64 block_depth(i64 depth) {
  const i64 blocks = (depth + kKC - 1) / kKC;
  return blocks ? (depth + blocks - 1) / blocks : 1;
}

template <class Weight>
void linear_block(const LinearArgs& args, i64 m, i64 rows, i64 k, i64 depth) {
  const bool last = k + depth == args.shape.in_features;
  const auto* packed = static_cast<const std::byte*>(args.packed);
  for (i64 n = 0; n < args.shape.out_features; n += kNR, packed += panel_bytes<Weight>(args.shape.in_features)) {
    const Weight* panel = reinterpret_cast<const Weight*>(packed) + k * kNR;
    Output out{nullptr,
               args.y_stride,
               min(args.shape.out_features - n, kNR),
               k > 0,
               last && args.bias ? args.bias + n : nullptr,
               last ? args.activation : Activation::none};
    for (i64 i = 0; i < rows; i += kMR) {
      const i64 row = m + i;
      out.y = args.y + row * args.y_stride + n;
      tile_of_rows<kMR, Weight>(rows - i, {args.x + row * args.x_stride + k, panel, args.x_stride, depth}, out);
    }
  }
}

template <class Weight>
void linear(const LinearArgs& args) {
  const i64 depth = block_depth(args.shape.in_features);
  for (i64 m = 0; m < args.rows; m += kMC) {
    const i64 rows = min(args.rows - m, kMC);
    for (i64 k = 0; k < args.shape.in_features; k += depth) {
      linear_block<Weight>(args, m, rows, k, min(args.shape.in_features - k, depth));
    }
  }
}

std::size_t no_scratch(i64) { return 0; }

template <class Weight>
constexpr LinearKernels kFloatLinear{kMR,        kNR,           4 * kMR, 32, panel_bytes<Weight>, pack_weight<Weight>,
                                     no_scratch, linear<Weight>};

}  // namespace
}  // namespace modelpool::kernels::cpu
