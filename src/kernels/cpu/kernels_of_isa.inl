// SPDX-License-Identifier: Apache-2.0
// The table of one instruction set, out of the parts. kernels_<isa>.cpp defines MODELPOOL_KERNELS_TABLE, the table's name,
// and MODELPOOL_KERNELS_FASTEST, the precision that Kernels::fastest names. It may define its own
// MODELPOOL_KERNELS_INT8_LINEAR, MODELPOOL_KERNELS_BF16_LINEAR and MODELPOOL_KERNELS_BF16_ATTENTION.
namespace modelpool::kernels::cpu {

#define MODELPOOL_STRING2(x) #x
#define MODELPOOL_STRING(x) MODELPOOL_STRING2(x)

#ifndef MODELPOOL_KERNELS_BF16_LINEAR
#define MODELPOOL_KERNELS_BF16_LINEAR kFloatLinear<Bf16>
#endif

#ifndef MODELPOOL_KERNELS_INT8_LINEAR
#define MODELPOOL_KERNELS_INT8_LINEAR kPairLinear<IntegerPairs>
#endif

#ifndef MODELPOOL_KERNELS_BF16_ATTENTION
#define MODELPOOL_KERNELS_BF16_ATTENTION \
  { attention_scratch, attention }
#endif

extern const Kernels MODELPOOL_KERNELS_TABLE;
const Kernels MODELPOOL_KERNELS_TABLE{MODELPOOL_STRING(MODELPOOL_KERNELS_ISA),
                                      kFloatLinear<float>,
                                      MODELPOOL_KERNELS_BF16_LINEAR,
                                      MODELPOOL_KERNELS_INT8_LINEAR,
                                      Precision::MODELPOOL_KERNELS_FASTEST,
                                      layer_norm,
                                      embedding,
                                      {attention_scratch, attention},
                                      MODELPOOL_KERNELS_BF16_ATTENTION};

}  // namespace modelpool::kernels::cpu
