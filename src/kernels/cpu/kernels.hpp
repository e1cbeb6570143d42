// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

/// The arithmetic of our own on a CPU, on plain pointers: no LibTorch here.
///
/// The sources (*.inl) are compiled for each instruction set, and the best one that the machine has is chosen at the first
/// use. Every kernel computes a row (or a sequence) by itself, in an order that depends on neither its neighbours nor the
/// number of threads: the same text gives the same bits in every batch. Thread safety: pure functions of their arguments.
namespace modelpool::kernels::cpu {

/// What follows a linear layer, applied while its result is in registers.
enum class Activation { none, gelu, gelu_new, quick_gelu, relu, silu, tanh };

struct PackedShape {
  std::int64_t out_features;
  std::int64_t in_features;
};

/// y = activation(x W^T + bias)
struct LinearArgs {
  const float* x;      ///< (rows, in_features), rows `x_stride` floats apart
  const void* packed;  ///< pack_weight()'s result, or from one of its panels on
  const float* bias;   ///< (out_features), or null
  float* y;            ///< (rows, out_features), rows `y_stride` floats apart; not overlapping x
  std::int64_t rows, x_stride, y_stride;
  PackedShape shape;
  Activation activation;
  void* scratch;  ///< scratch_bytes(in_features) bytes, 64-byte aligned; may be null where that is 0
};

/// Linear layers whose weights are kept in one precision. A weight is rearranged for linear() into panels of `panel_width`
/// outputs, each with all inputs and whatever else its outputs need; the last panel is filled up with zeros.
struct LinearKernels {
  std::int64_t row_block;  ///< rows that linear() computes together: the granularity for splitting a batch over threads
  std::int64_t panel_width;  ///< the granularity for splitting outputs over threads
  std::int64_t least_rows;   ///< with fewer, reading the weights takes longer than multiplying
  int input_bits;            ///< of the numbers that inputs are rounded to before they are multiplied
  std::size_t (*panel_bytes)(std::int64_t in_features);
  /// @param weight  (out_features, in_features), contiguous
  /// @param packed  ceil(out_features / panel_width) * panel_bytes(in_features) bytes, 64-byte aligned
  void (*pack_weight)(const float* weight, PackedShape shape, void* packed);
  std::size_t (*scratch_bytes)(std::int64_t in_features);
  void (*linear)(const LinearArgs& args);

  [[nodiscard]] std::size_t packed_bytes(PackedShape shape) const {
    return static_cast<std::size_t>((shape.out_features + panel_width - 1) / panel_width) *
           panel_bytes(shape.in_features);
  }
};

/// What weights are kept as, and how exactly their products are computed.
enum class Precision {
  float32,
  bfloat16,  ///< weights rounded to 8 bits of mantissa; so are the inputs where the processor multiplies bfloat16
  int8,      ///< weights as integers of 8 bits with a scale for each output and some 64 or 128 inputs; the inputs as
             ///< integers of 16 bits with a scale for each row, or of 8 bits with a range for each row and 128 inputs
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

/// What the numbers of a table of words are kept in.
enum class TableType { float32, float16, bfloat16 };

/// out[t] = layer_norm(word[ids[t]] + position[positions[t]] + type[type_ids[t]])
struct EmbeddingArgs {
  const std::int32_t* ids;        ///< (rows), each inside `word`
  const std::int32_t* positions;  ///< (rows), each inside `position`; null: 0, 1, 2 …
  const std::int32_t* type_ids;   ///< (rows), each inside `type`; null: all 0
  const void* word;               ///< (vocab_size, features) of word_type
  const float* position;          ///< (max_position_embeddings, features)
  const float* type;              ///< (type_vocab_size, features), or null
  LayerNormArgs norm;             ///< x, residual: unused
  TableType word_type = TableType::float32;
};

/// Self-attention of one head of one sequence: out = softmax(q k^T * scale + bias) v
struct AttentionArgs {
  const float* q;  ///< (length, head_size), rows `stride` floats apart; k and v likewise
  const float* k;
  const float* v;
  float* out;  ///< (length, head_size), rows `out_stride` floats apart
  std::int64_t length, head_size, stride, out_stride;
  float scale;
  float* scratch;  ///< AttentionKernels::scratch(length, head_size) floats, 64-byte aligned
  /// Of query i and key j: relative_bias[j - i], for -length < j - i < length; null: none
  const float* relative_bias = nullptr;
};

/// Attention that computes in one precision.
struct AttentionKernels {
  std::int64_t (*scratch)(std::int64_t length, std::int64_t head_size);
  void (*attention)(const AttentionArgs& args);
};

struct Kernels {
  const char* name;  ///< "amx", "avx512_bf16", "avx512_vnni", "avx512", "avx2" or "generic"
  LinearKernels float32, bfloat16, int8;
  Precision fastest;  ///< of those whose loss no metric of a task sees (docs/design/0006-cpu-kernels.md)

  void (*layer_norm)(const LayerNormArgs& args);
  void (*embedding)(const EmbeddingArgs& args);
  AttentionKernels attention_float32, attention_bfloat16;

  [[nodiscard]] const LinearKernels& linear(Precision precision) const {
    switch (precision) {
      case Precision::bfloat16:
        return bfloat16;
      case Precision::int8:
        return int8;
      case Precision::float32:
        break;
    }
    return float32;
  }
  /// Beside linear layers of that precision.
  [[nodiscard]] const AttentionKernels& attention(Precision precision) const {
    return precision == Precision::bfloat16 ? attention_bfloat16 : attention_float32;
  }
};

/// The best set for this machine.
[[nodiscard]] const Kernels& best() noexcept;
/// All sets that this machine can run, best first.
struct KernelList {
  const Kernels* items[6];
  std::size_t count;
};
[[nodiscard]] const KernelList& available() noexcept;

}  // namespace modelpool::kernels::cpu
