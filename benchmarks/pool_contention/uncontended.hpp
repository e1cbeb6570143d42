// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "pooled.hpp"
#include "statistics.hpp"

/// What a lease cycle costs when nobody else wants the object, and what the machine's primitives cost beside it.
namespace pool_contention {

/// Nanoseconds of one lease cycle of one thread on a pool of one object, with no other work in the loop than counting
/// the use.
template <class Pool>
double uncontended_ns(std::size_t cycles) {
  Pool pool{1};
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < cycles; ++i) {
    auto lease = pool.acquire();
    (*lease).use();
  }
  const std::chrono::duration<double, std::nano> elapsed = std::chrono::steady_clock::now() - start;
  return elapsed.count() / static_cast<double>(cycles);
}

/// A step of the ladder: a pool, or a primitive of the machine.
struct Rung {
  std::string_view slug;
  std::string_view title;
  double (*measure)(std::size_t cycles);  ///< nanoseconds of one
};

/// The floor under every pool: mutex pairs, atomic operations, clocks.
std::span<const Rung> floor_rungs();

struct RungResult {
  Rung rung;
  Spread ns;
};

/// Measures all rungs in turn, `repetitions` times, each as often as fits into `batch`. A second thread is alive
/// meanwhile, because libc and libstdc++ leave out atomic operations in a program that has only one.
std::vector<RungResult> climb(std::span<const Rung> rungs, std::size_t repetitions, std::chrono::nanoseconds batch);

}  // namespace pool_contention
