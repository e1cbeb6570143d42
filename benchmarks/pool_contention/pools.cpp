// SPDX-License-Identifier: Apache-2.0
#include "pools.hpp"

#include <array>

#include "ours.hpp"
#include "peers.hpp"
#include "uncontended.hpp"

namespace pool_contention {
namespace {

template <class Pool>
constexpr PoolEntry entry(std::string_view slug, std::string_view title, Family family) {
  return {slug, title, family, run<Pool>, uncontended_ns<Pool>, measure_handoff<Pool>};
}

constexpr std::array kPools{
    entry<OurPool<FifoDefault>>("ours-fifo", "ModelPool, strict FIFO", Family::ours_fifo),
    entry<OurPool<FifoBare>>("ours-fifo-bare", "ModelPool, strict FIFO, timing off", Family::ours_fifo),
    entry<OurPool<Throughput>>("ours-throughput", "ModelPool, throughput mode", Family::ours_throughput),
    entry<TicketFifoPool>("mutex-ticket", "mutex + cv, FIFO by tickets", Family::mutex_fifo_peer),
    entry<HandoffFifoPool>("mutex-handoff", "mutex + cv per waiter, FIFO hand-off", Family::mutex_fifo_peer),
    entry<BargingPool>("mutex-barging", "mutex + cv, barging", Family::unordered_peer),
    entry<TbbQueuePool>("tbb", "tbb::concurrent_bounded_queue", Family::fifo_peer),
    entry<MoodycamelPool>("moodycamel", "moodycamel::BlockingConcurrentQueue", Family::unordered_peer),
};

constexpr std::array kMoreRungs{
    Rung{"ours-everything", "ModelPool, strict FIFO, every lease measured and watched",
         uncontended_ns<OurPool<FifoEverything>>},
};

}  // namespace

std::span<const Rung> more_rungs() { return kMoreRungs; }

std::span<const PoolEntry> all_pools() { return kPools; }

const PoolEntry* find_pool(std::string_view slug) {
  for (const PoolEntry& pool : kPools) {
    if (pool.slug == slug) return &pool;
  }
  return nullptr;
}

}  // namespace pool_contention
