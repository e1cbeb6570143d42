// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

/// The arithmetic of our own on a CPU, float32, on plain pointers: no LibTorch here.
///
/// One source (kernels.inl) is compiled for each instruction set, and the best one that the machine has is chosen at
/// the first use. Every kernel computes a row (or a sequence) by itself, in an order that depends on neither its
/// neighbours nor the number of threads: the same text gives the same bits in every batch. Thread safety: pure
/// functions of their arguments.
namespace modelpool::kernels::cpu {

/// What follows a linear layer, applied while its result is in registers.
enum class Activation { none, gelu, gelu_new, relu, silu, tanh };

/// A weight matrix rearranged for linear(): panels of `panel_width` outputs, in each of them all inputs behind one
/// another. The last panel is filled up with zeros.
struct PackedShape {
  std::int64_t out_features;
  std::int64_t in_features;
};

/// y = activation(x W^T + bias)
struct LinearArgs {
  const float* x;       ///< (rows, in_features), rows `x_stride` floats apart
  const float* packed;  ///< pack_weight()'s result
  const float* bias;    ///< (out_features), or null
  float* y;             ///< (rows, out_features), rows `y_stride` floats apart; not overlapping x
  std::int64_t rows, x_stride, y_stride;
  PackedShape shape;
  Activation activation;
};

/// out = (x + residual - mean) / sqrt(variance + eps) * gamma + beta, row by row; population variance.
struct LayerNormArgs {
  const float* x;         ///< (rows, features)
  const float* residual;  ///< (rows, features), or null
  const float* gamma;     ///< (features)
  const float* beta;      ///< (features)
  float* out;             ///< (rows, features); may be x or residual
  std::int64_t rows, features;
  float eps;
};

/// out[t] = layer_norm(word[ids[t]] + position[positions[t]] + type[type_ids[t]])
struct EmbeddingArgs {
  const std::int32_t* ids;        ///< (rows), each inside `word`
  const std::int32_t* positions;  ///< (rows), each inside `position`; null: 0, 1, 2 …
  const std::int32_t* type_ids;   ///< (rows), each inside `type`; null: all 0
  const float* word;              ///< (vocab_size, features)
  const float* position;          ///< (max_position_embeddings, features)
  const float* type;              ///< (type_vocab_size, features), or null
  LayerNormArgs norm;             ///< x, residual: unused
};

/// Self-attention of one head of one sequence: out = softmax(q k^T * scale + bias) v
struct AttentionArgs {
  const float* q;  ///< (length, head_size), rows `stride` floats apart; k and v likewise
  const float* k;
  const float* v;
  float* out;  ///< (length, head_size), rows `out_stride` floats apart
  std::int64_t length, head_size, stride, out_stride;
  float scale;
  float* scratch;  ///< attention_scratch(length, head_size) floats, 64-byte aligned
  /// Of query i and key j: relative_bias[j - i], for -length < j - i < length; null: none
  const float* relative_bias = nullptr;
};

struct Kernels {
  const char* name;        ///< "avx512", "avx2" or "generic"
  std::int64_t row_block;  ///< rows that linear() computes together: the granularity for splitting a batch over threads
  std::int64_t panel_width;

  /// @return floats that pack_weight() writes
  std::int64_t (*packed_size)(PackedShape shape);
  /// @param weight  (out_features, in_features), contiguous
  void (*pack_weight)(const float* weight, PackedShape shape, float* packed);
  void (*linear)(const LinearArgs& args);
  void (*layer_norm)(const LayerNormArgs& args);
  void (*embedding)(const EmbeddingArgs& args);
  std::int64_t (*attention_scratch)(std::int64_t length, std::int64_t head_size);
  void (*attention)(const AttentionArgs& args);
};

/// The best set for this machine.
[[nodiscard]] const Kernels& best() noexcept;
/// All sets that this machine can run, best first; for tests.
struct KernelList {
  const Kernels* items[3];
  std::size_t count;
};
[[nodiscard]] KernelList available() noexcept;

}  // namespace modelpool::kernels::cpu
