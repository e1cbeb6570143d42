// SPDX-License-Identifier: Apache-2.0
// The table of one instruction set, out of the parts. kernels_<isa>.cpp defines MODELPOOL_KERNELS_TABLE, the table's name,
// and may define MODELPOOL_KERNELS_BF16_LINEAR and
// MODELPOOL_KERNELS_BF16_ATTENTION, its own for bfloat16.
namespace modelpool::kernels::cpu {

#define MODELPOOL_STRING2(x) #x
#define MODELPOOL_STRING(x) MODELPOOL_STRING2(x)

#if defined(MODELPOOL_KERNELS_BF16_LINEAR)
#define MODELPOOL_KERNELS_HAS_BF16 true
#elif defined(MODELPOOL_KERNELS_DOT_BF16)
#define MODELPOOL_KERNELS_HAS_BF16 true
#define MODELPOOL_KERNELS_BF16_LINEAR kPairLinear<Bf16Pairs>
#else
#define MODELPOOL_KERNELS_HAS_BF16 false
#define MODELPOOL_KERNELS_BF16_LINEAR kFloatLinear<Bf16>
#endif

#ifndef MODELPOOL_KERNELS_BF16_ATTENTION
#define MODELPOOL_KERNELS_BF16_ATTENTION \
  { attention_scratch, attention }
#endif

extern const Kernels MODELPOOL_KERNELS_TABLE;
const Kernels MODELPOOL_KERNELS_TABLE{MODELPOOL_STRING(MODELPOOL_KERNELS_ISA),
                                      kFloatLinear<float>,
                                      MODELPOOL_KERNELS_BF16_LINEAR,
                                      kPairLinear<IntegerPairs>,
                                      MODELPOOL_KERNELS_HAS_BF16,
                                      layer_norm,
                                      embedding,
                                      {attention_scratch, attention},
                                      MODELPOOL_KERNELS_BF16_ATTENTION};

}  // namespace modelpool::kernels::cpu
