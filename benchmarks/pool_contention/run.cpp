// SPDX-License-Identifier: Apache-2.0
#include "run.hpp"

#include <cstdio>
#include <cstdlib>

namespace pool_contention::detail {

RunResult summarise(const std::vector<std::unique_ptr<ThreadResult>>& threads) {
  RunResult result;
  LogHistogram waits;
  std::uint64_t start = threads.front()->start;
  std::uint64_t end = 0;
  std::uint64_t fewest = threads.front()->cycles;
  std::uint64_t most = 0;
  for (const auto& thread : threads) {
    waits.merge(thread->waits);
    start = std::min(start, thread->start);
    end = std::max(end, thread->end);
    fewest = std::min(fewest, thread->cycles);
    most = std::max(most, thread->cycles);
    result.cycles += thread->cycles;
  }
  result.cycle_ns = ticks_to_ns(end - start) / static_cast<double>(std::max<std::uint64_t>(1, result.cycles));
  result.slowest_over_fastest = most == 0 ? 0 : static_cast<double>(fewest) / static_cast<double>(most);
  result.wait_p50_ns = waits.quantile(0.50) / ticks_per_ns();
  result.wait_p99_ns = waits.quantile(0.99) / ticks_per_ns();
  result.wait_max_ns = ticks_to_ns(waits.max());
  return result;
}

void end_by_hang(const std::string& label) {
  std::fprintf(stderr, "%s: threads still wait for a lease 10 s after the end of the run: a lost wake-up\n",
               label.c_str());
  std::_Exit(3);
}

}  // namespace pool_contention::detail
