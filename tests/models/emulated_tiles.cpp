// SPDX-License-Identifier: Apache-2.0
// The kernels for AMX with its instructions emulated, so that their packing, tiles and remainders are tested on every machine.
// Source of what the instructions do: Intel, Architecture Instruction Set Extensions Programming Reference.
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace {

struct EmulatedTile {
  std::uint8_t bytes[16][64];
};
thread_local EmulatedTile emulated_tiles[8];
thread_local bool emulated_tiles_configured = false;

float to_float(std::uint16_t upper) {
  const std::uint32_t bits = static_cast<std::uint32_t>(upper) << 16;
  float value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

void emulate_load(std::size_t tile, const void* from, std::int64_t stride) {
  for (std::int64_t r = 0; r < 16; ++r)
    std::memcpy(emulated_tiles[tile].bytes[r], static_cast<const std::byte*>(from) + r * stride, 64);
}
void emulate_store(std::size_t tile, void* to, std::int64_t stride) {
  for (std::int64_t r = 0; r < 16; ++r)
    std::memcpy(static_cast<std::byte*>(to) + r * stride, emulated_tiles[tile].bytes[r], 64);
}
void emulate_dot(std::size_t to, std::size_t a, std::size_t b) {
  float sums[16][16];
  std::uint16_t left[16][32], right[16][32];
  std::memcpy(sums, emulated_tiles[to].bytes, sizeof sums);
  std::memcpy(left, emulated_tiles[a].bytes, sizeof left);
  std::memcpy(right, emulated_tiles[b].bytes, sizeof right);
  for (int m = 0; m < 16; ++m)
    for (int k = 0; k < 16; ++k)
      for (int n = 0; n < 16; ++n)
        sums[m][n] += to_float(left[m][2 * k]) * to_float(right[k][2 * n]) +
                      to_float(left[m][2 * k + 1]) * to_float(right[k][2 * n + 1]);
  if (!emulated_tiles_configured) std::memset(sums, 0xFF, sizeof sums);  // a fault on the real machine
  std::memcpy(emulated_tiles[to].bytes, sums, sizeof sums);
}

}  // namespace

#define _tile_loadconfig(config) (emulated_tiles_configured = (config)->palette == 1)
#define _tile_release() (emulated_tiles_configured = false)
#define _tile_zero(tile) std::memset(emulated_tiles[tile].bytes, 0, sizeof emulated_tiles[tile].bytes)
#define _tile_loadd(tile, from, stride) emulate_load(tile, from, stride)
#define _tile_stored(tile, to, stride) emulate_store(tile, to, stride)
#define _tile_dpbf16ps(to, a, b) emulate_dot(to, a, b)

#define MODELPOOL_KERNELS_ISA emulated_amx
#define MODELPOOL_KERNELS_TABLE kernels_emulated_amx
#define MODELPOOL_KERNELS_FASTEST bfloat16
#define MODELPOOL_KERNELS_VL 16
#define MODELPOOL_KERNELS_MR 12
#define MODELPOOL_KERNELS_NV 2
#define MODELPOOL_KERNELS_KC 256
#define MODELPOOL_KERNELS_PR 12
#define MODELPOOL_KERNELS_PV 2
#define MODELPOOL_KERNELS_DOT_INT(sum, a, b)                                           \
  ((sum) + (reinterpret_cast<VecInt>(a) >> 16) * (reinterpret_cast<VecInt>(b) >> 16) + \
   ((reinterpret_cast<VecInt>(a) << 16) >> 16) * ((reinterpret_cast<VecInt>(b) << 16) >> 16))
#include "kernels/cpu/vector.inl"
//
#include "kernels/cpu/parts.inl"
//
#include "kernels/cpu/linear_amx.inl"
//
#include "kernels/cpu/attention_amx.inl"
#define MODELPOOL_KERNELS_BF16_LINEAR kTileLinear
#define MODELPOOL_KERNELS_BF16_ATTENTION \
  { tile_attention_scratch, tile_attention }
#include "kernels/cpu/kernels_of_isa.inl"
