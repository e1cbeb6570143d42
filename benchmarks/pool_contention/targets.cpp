// SPDX-License-Identifier: Apache-2.0
#include "targets.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include "report.hpp"

namespace pool_contention {
namespace {

using namespace std::chrono_literals;

constexpr Hold kNone{};
constexpr Hold kMicro{Hold::Kind::spin, 1us};
constexpr Hold kFifty{Hold::Kind::spin, 50us};
constexpr Hold kAsleep{Hold::Kind::sleep, 50us};

/// A figure of one pool, with the words for it.
struct Figure {
  double value = 0;
  std::string words;
};

using Families = std::initializer_list<Family>;
constexpr Families kMutexFifo{Family::mutex_fifo_peer};
constexpr Families kFifoPeers{Family::mutex_fifo_peer, Family::fifo_peer};
constexpr Families kPeers{Family::mutex_fifo_peer, Family::fifo_peer, Family::unordered_peer};

bool is_one_of(Family family, Families families) {
  return std::find(families.begin(), families.end(), family) != families.end();
}

std::optional<Figure> figure_of(const Results& results, const Layout& layout, const Hold& hold, std::string_view pool,
                                Spread CellResult::*member) {
  const CellResult* cell = results.find(layout, hold, pool);
  if (cell == nullptr) return std::nullopt;
  return Figure{(cell->*member).median, format_spread(cell->*member)};
}

/// The least figure among the pools of some families.
std::optional<Figure> best_of(const Results& results, const Layout& layout, const Hold& hold, Families families,
                              Spread CellResult::*member) {
  std::optional<Figure> best;
  for (const PoolEntry& pool : all_pools()) {
    if (!is_one_of(pool.family, families)) continue;
    const auto figure = figure_of(results, layout, hold, pool.slug, member);
    if (figure && (!best || figure->value < best->value)) {
      best = Figure{figure->value, fmt::format("{} {}", pool.slug, figure->words)};
    }
  }
  return best;
}

std::optional<Figure> rung_of(const Results& results, std::string_view slug) {
  const RungResult* rung = results.find_rung(slug);
  if (rung == nullptr) return std::nullopt;
  return Figure{rung->ns.median, format_spread(rung->ns)};
}

std::optional<Figure> best_mutex_fifo_rung(const Results& results) {
  std::optional<Figure> best;
  for (const PoolEntry& pool : all_pools()) {
    const auto figure = rung_of(results, pool.slug);
    if (!figure || !is_one_of(pool.family, kMutexFifo)) continue;
    if (!best || figure->value < best->value) {
      best = Figure{figure->value, fmt::format("{} {}", pool.slug, figure->words)};
    }
  }
  return best;
}

Target ratio(std::string what, const std::optional<Figure>& ours, const std::optional<Figure>& peer, double bound) {
  Target target{.what = std::move(what), .bound = bound, .unit = "x"};
  if (!ours || !peer) return target;
  target.ours = ours->words;
  target.against = peer->words;
  target.measured = ours->value / peer->value;
  return target;
}

Target at_most_ns(std::string what, const std::optional<Figure>& ours, double bound) {
  Target target{.what = std::move(what), .bound = bound, .unit = "ns"};
  if (!ours) return target;
  target.ours = ours->words;
  target.measured = ours->value;
  return target;
}

Target at_least_fair(std::string what, const CellResult* ours, double bound) {
  Target target{.what = std::move(what), .bound = bound, .at_least = true};
  if (ours == nullptr) return target;
  const Spread& fair = ours->slowest_over_fastest;
  target.ours = fmt::format("{:.2f} [{:.2f}..{:.2f}]", fair.median, fair.min, fair.max);
  target.measured = fair.median;
  return target;
}

void judge_uncontended(const Results& results, std::vector<Target>& targets) {
  const auto mutex_fifo = best_mutex_fifo_rung(results);
  targets.push_back(ratio("uncontended cycle, bare", rung_of(results, "ours-fifo-bare"), mutex_fifo, 0.7));
  targets.push_back(
      ratio("uncontended cycle, default: counters and one stamp", rung_of(results, "ours-fifo"), mutex_fifo, 1.2));
}

void judge_two_by_two(const Results& results, std::vector<Target>& targets) {
  const Layout layout{2, 2};
  const auto peer = best_of(results, layout, kNone, kMutexFifo, &CellResult::cycle_ns);
  for (const std::string_view slug : {"ours-fifo-bare", "ours-fifo"}) {
    const auto ours = figure_of(results, layout, kNone, slug, &CellResult::cycle_ns);
    targets.push_back(ratio(fmt::format("2x2, no hold, {}", slug), ours, peer, 0.35));
  }
}

/// The least that strict order allows where there are more threads than CPUs: each lease is a turn of another thread.
std::optional<Figure> with_turns(const Results& results, double ideal) {
  const auto turn = rung_of(results, "floor-turn");
  if (!turn) return std::nullopt;
  const double least = ideal + turn->value / results.machine.cpus;
  return Figure{least, fmt::format("(hold + a turn) / cores {}", format_ns(least))};
}

void judge_strict_fifo(const Results& results, const Layout& layout, std::vector<Target>& targets) {
  const std::string where = name_of(layout) + ", 50 µs CPU, strict FIFO: ";
  const CellResult* ours = results.find(layout, kFifty, "ours-fifo");
  const double ideal = ideal_cycle_ns({layout, kFifty}, results.machine.cpus);
  targets.push_back(ratio(where + "cycle", figure_of(results, layout, kFifty, "ours-fifo", &CellResult::cycle_ns),
                          Figure{ideal, "hold / cores " + format_ns(ideal)}, 1.10));
  targets.push_back(ratio(where + "cycle, turns of the kernel counted",
                          figure_of(results, layout, kFifty, "ours-fifo", &CellResult::cycle_ns),
                          with_turns(results, ideal), 1.05));
  targets.push_back(at_least_fair(where + "slowest / fastest thread", ours, 0.75));
  targets.push_back(ratio(where + "p99 wait", figure_of(results, layout, kFifty, "ours-fifo", &CellResult::wait_p99_ns),
                          best_of(results, layout, kFifty, kFifoPeers, &CellResult::wait_p99_ns), 1.05));
  std::optional<Figure> worst;
  if (ours != nullptr) worst = Figure{ours->wait_max_ns, format_ns(ours->wait_max_ns)};
  targets.push_back(at_most_ns(where + "worst wait", worst, 6e6));
}

void judge_throughput(const Results& results, std::vector<Target>& targets) {
  for (const Layout layout : {Layout{1, 1}, Layout{2, 2}, Layout{2, 1}, Layout{8, 4}, Layout{30, 4}}) {
    targets.push_back(ratio(name_of(layout) + ", 1 µs CPU, throughput mode",
                            figure_of(results, layout, kMicro, "ours-throughput", &CellResult::cycle_ns),
                            best_of(results, layout, kMicro, kPeers, &CellResult::cycle_ns), 1.05));
  }
}

void judge_absolute(const Results& results, std::vector<Target>& targets) {
  const auto cell = [&](const Layout& layout, const Hold& hold, std::string_view slug) {
    return figure_of(results, layout, hold, slug, &CellResult::cycle_ns);
  };
  targets.push_back(at_most_ns("uncontended cycle, bare", rung_of(results, "ours-fifo-bare"), 20));
  targets.push_back(at_most_ns("uncontended cycle, default", rung_of(results, "ours-fifo"), 35));
  targets.push_back(at_most_ns("uncontended cycle, everything on", rung_of(results, "ours-everything"), 55));
  targets.push_back(at_most_ns("2x2, no hold, bare", cell({2, 2}, kNone, "ours-fifo-bare"), 10));
  targets.push_back(at_most_ns("2x1, no hold, strict FIFO", cell({2, 1}, kNone, "ours-fifo"), 500));
  targets.push_back(at_most_ns("2x1, no hold, throughput mode", cell({2, 1}, kNone, "ours-throughput"), 40));
  targets.push_back(at_most_ns("8x4, 1 µs CPU, throughput mode", cell({8, 4}, kMicro, "ours-throughput"), 575));
  targets.push_back(at_most_ns("30x4, 1 µs CPU, throughput mode", cell({30, 4}, kMicro, "ours-throughput"), 700));
  targets.push_back(at_most_ns("8x4, 50 µs CPU, strict FIFO", cell({8, 4}, kFifty, "ours-fifo"), 27.5e3));
  targets.push_back(at_most_ns("30x4, 50 µs CPU, strict FIFO", cell({30, 4}, kFifty, "ours-fifo"), 27.5e3));
  targets.push_back(at_most_ns("30x4, 50 µs asleep, strict FIFO", cell({30, 4}, kAsleep, "ours-fifo"), 29e3));
  targets.push_back(at_most_ns("30x4, 50 µs asleep, strict FIFO: p99 wait",
                               figure_of(results, {30, 4}, kAsleep, "ours-fifo", &CellResult::wait_p99_ns), 1.1e6));
}

}  // namespace

std::vector<Target> judge(const Results& results) {
  std::vector<Target> targets;
  judge_uncontended(results, targets);
  judge_two_by_two(results, targets);
  judge_strict_fifo(results, {8, 4}, targets);
  judge_strict_fifo(results, {30, 4}, targets);
  judge_throughput(results, targets);
  judge_absolute(results, targets);
  return targets;
}

}  // namespace pool_contention
