// SPDX-License-Identifier: Apache-2.0
// Layer norm, embedding and attention, in float32; after linear_float.inl.
namespace modelpool::kernels::cpu {
namespace {

// ---- layer norm, embedding

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

// out = row + b, of rows kept in 16 bits
template <Vec (*kLoad)(const std::uint16_t*), float (*kWiden)(std::uint16_t)>
MODELPOOL_INLINE void add_half_row(float* out, const std::uint16_t* row, const float* b, i64 n) {
  const i64 whole = n / kVL * kVL;
  for (i64 i = 0; i < whole; i += kVL) store(out + i, kLoad(row + i) + load(b + i));
  for (i64 i = whole; i < n; ++i) out[i] = kWiden(row[i]) + b[i];
}

// out = the table's row of a word + b
MODELPOOL_INLINE void add_word(float* out, const EmbeddingArgs& args, std::int32_t id, const float* b) {
  const i64 n = args.norm.features;
  const auto* halves = static_cast<const std::uint16_t*>(args.word) + id * n;
  switch (args.word_type) {
    case TableType::float32:
      return add_rows(out, static_cast<const float*>(args.word) + id * n, b, n);
    case TableType::float16:
      return add_half_row<load_f16, from_f16>(out, halves, b, n);
    case TableType::bfloat16:
      return add_half_row<load_bf16, from_bf16>(out, halves, b, n);
  }
}

void embedding(const EmbeddingArgs& args) {
  const i64 n = args.norm.features;
  for (i64 r = 0; r < args.norm.rows; ++r) {
    float* out = args.norm.out + r * n;
    const i64 position = args.positions ? args.positions[r] : r;
    add_word(out, args, args.ids[r], args.position + position * n);
    if (args.type) add_rows(out, out, args.type + (args.type_ids ? args.type_ids[r] : 0) * n, n);
    normalize_row(out, args.norm);
  }
}

// ---- attention
// Both products are tiles of linear(): keys are packed as a weight of `length` outputs; values are one of head_size outputs
// and `length` inputs as they lie there, or packed where a head is no whole number of panels wide. Queries are taken kMR at a
// time, so the scores of a step stay in the first-level cache.

i64 key_floats(i64 length, i64 head_size) { return round_up(length, kNR) * head_size; }
i64 value_floats(i64 length, i64 head_size) { return head_size % kNR == 0 ? 0 : round_up(head_size, kNR) * length; }

i64 attention_scratch(i64 length, i64 head_size) {
  return round_up(key_floats(length, head_size) + value_floats(length, head_size) + kMR * round_up(length, kNR), 16);
}

// Columns [k, k + VL) of the keys [n, n + VL): rows of the packed panel, kNR apart.
MODELPOOL_INLINE void pack_key_square(const AttentionArgs& args, i64 n, i64 k, float* packed) {
  Vec rows[kVL];
#pragma GCC unroll 16
  for (i64 j = 0; j < kVL; ++j) rows[j] = load(args.k + (n + j) * args.stride + k);
  transpose(rows);
#pragma GCC unroll 16
  for (i64 j = 0; j < kVL; ++j) store(packed + j * kNR, rows[j]);
}

void pack_keys(const AttentionArgs& args, float* packed) {
  const i64 whole = args.head_size / kVL * kVL;
  for (i64 n = 0; n < round_up(args.length, kNR); n += kVL) {
    float* const panel = packed + n / kNR * kNR * args.head_size + n % kNR;
    const i64 keys = min(args.length - n, kVL);
    if (keys == kVL) {
      for (i64 k = 0; k < whole; k += kVL) pack_key_square(args, n, k, panel + k * kNR);
    }
    for (i64 k = keys == kVL ? whole : 0; k < args.head_size; ++k) {
      for (i64 j = 0; j < kVL; ++j) panel[k * kNR + j] = j < keys ? args.k[(n + j) * args.stride + k] : 0;
    }
  }
}

void pack_values(const AttentionArgs& args, float* packed) {
  for (i64 n = 0; n < args.head_size; n += kNR) {
    const i64 columns = min(args.head_size - n, kNR);
    for (i64 k = 0; k < args.length; ++k, packed += kNR) {
      const float* row = args.v + k * args.stride + n;
      for (i64 j = 0; j < columns; ++j) packed[j] = row[j];
      for (i64 j = columns; j < kNR; ++j) packed[j] = 0;
    }
  }
}

// Values as panels: number n / kNR begins at first + n * panel_step, its rows are `stride` apart.
struct Values {
  const float* first;
  i64 panel_step, stride;
};

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

void attend(const AttentionArgs& args, i64 m, const float* keys, const Values& values, float* scores) {
  const i64 rows = min(args.length - m, kMR);
  const i64 padded = round_up(args.length, kNR);
  for (i64 n = 0; n < padded; n += kNR) {
    tile_of_rows<kMR, float>(rows, {args.q + m * args.stride, keys + n * args.head_size, args.stride, args.head_size},
                             {scores + n, padded, kNR, false, nullptr, Activation::none});
  }
  float factors[kMR];
  for (i64 i = 0; i < rows; ++i) {
    float* row = scores + i * padded;
    if (args.relative_bias) add_bias(row, args.relative_bias - (m + i), args.length, args.scale);
    factors[i] = softmax_row(row, args.length, padded, args.relative_bias ? 1.0f : args.scale);
  }
  for (i64 n = 0; n < args.head_size; n += kNR) {
    tile_of_rows<kMR, float>(rows, {scores, values.first + n * values.panel_step, padded, args.length, values.stride},
                             {args.out + m * args.out_stride + n, args.out_stride, min(args.head_size - n, kNR), false,
                              nullptr, Activation::none});
  }
  for (i64 i = 0; i < rows; ++i) scale_row(args.out + (m + i) * args.out_stride, args.head_size, factors[i]);
}

void attention(const AttentionArgs& args) {
  float* const keys = args.scratch;
  float* const packed_values = keys + key_floats(args.length, args.head_size);
  float* const scores = packed_values + value_floats(args.length, args.head_size);
  pack_keys(args, keys);
  Values values{args.v, 1, args.stride};
  if (args.head_size % kNR != 0) {
    pack_values(args, packed_values);
    values = {packed_values, args.length, kNR};
  }
  for (i64 m = 0; m < args.length; m += kMR) attend(args, m, keys, values, scores);
}

}  // namespace
}  // namespace modelpool::kernels::cpu
