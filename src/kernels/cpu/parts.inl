// SPDX-License-Identifier: Apache-2.0
// All parts that every instruction set has beside vector.inl, in the order in which they build on each other.
// clang-format off
#include "kernels/cpu/linear_float.inl"
#include "kernels/cpu/encoder.inl"
#include "kernels/cpu/linear_pairs.inl"
// clang-format on
