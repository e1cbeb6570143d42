// SPDX-License-Identifier: Apache-2.0
#include "report.hpp"

#include <fmt/format.h>

#include <ostream>
#include <string_view>

namespace pool_contention {
namespace {

std::vector<const PoolEntry*> pools_of(const std::vector<CellResult>& cells) {
  std::vector<const PoolEntry*> pools;
  for (const CellResult& cell : cells) {
    if (std::find(pools.begin(), pools.end(), cell.pool) == pools.end()) pools.push_back(cell.pool);
  }
  return pools;
}

std::vector<std::string> layouts_of(const std::vector<CellResult>& cells) {
  std::vector<std::string> layouts;
  for (const CellResult& cell : cells) {
    const std::string name = name_of(cell.cell.layout);
    if (std::find(layouts.begin(), layouts.end(), name) == layouts.end()) layouts.push_back(name);
  }
  return layouts;
}

std::string cell_text(const CellResult& cell) {
  std::string text =
      fmt::format("**{}** [{}..{}] p50 {} p99 {} max {}", format_ns(cell.cycle_ns.median), format_ns(cell.cycle_ns.min),
                  format_ns(cell.cycle_ns.max), format_ns(cell.wait_p50_ns.median), format_ns(cell.wait_p99_ns.median),
                  format_ns(cell.wait_max_ns));
  if (cell.cell.layout.threads > 1) text += fmt::format(" f {:.2f}", cell.slowest_over_fastest.median);
  if (cell.disturbed > 0) text += fmt::format(" (disturbed: {})", cell.disturbed);
  if (!cell.exclusive) text += " **NOT EXCLUSIVE**";
  return text;
}

std::string ideal_line(const std::vector<CellResult>& cells, unsigned cpus) {
  std::string text;
  for (const std::string& layout : layouts_of(cells)) {
    for (const CellResult& cell : cells) {
      if (name_of(cell.cell.layout) != layout) continue;
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", layout, format_ns(ideal_cycle_ns(cell.cell, cpus)));
      break;
    }
  }
  return text;
}

void print_header(std::ostream& out, const std::vector<std::string>& columns) {
  out << "\n|";
  for (const std::string& column : columns) out << ' ' << column << " |";
  out << "\n|";
  for (std::size_t i = 0; i < columns.size(); ++i) out << "---|";
  out << '\n';
}

std::string_view verdict(const Target& target) {
  if (!target.measured) return "not measured";
  return target.met() ? "met" : "**missed**";
}

std::string format_value(const Target& target, double value) {
  if (target.unit == "ns") return format_ns(value);
  return fmt::format("{:.2f}{}", value, target.unit == "x" ? "×" : "");
}

}  // namespace

std::string format_ns(double ns) {
  if (ns < 100) return fmt::format("{:.1f} ns", ns);
  if (ns < 1e3) return fmt::format("{:.0f} ns", ns);
  if (ns < 1e6) return fmt::format("{:.{}f} µs", ns / 1e3, ns < 1e5 ? 1 : 0);
  return fmt::format("{:.1f} ms", ns / 1e6);
}

std::string format_spread(const Spread& ns) {
  return fmt::format("{} [{}..{}]", format_ns(ns.median), format_ns(ns.min), format_ns(ns.max));
}

void print_conditions(std::ostream& out, const Machine& machine, const Options& options) {
  out << fmt::format(
      "# Pool contention\n\n{}, {} CPUs, {}; {}, {}, {}; commit {}; {}.\n"
      "{} repetitions of {} ms for each pool, cell and kind of run, alternating{}; a run is repeated up to {} times "
      "while "
      "others use more than {:.0f} % of the CPUs.\n",
      machine.processor, machine.cpus, machine.kernel, machine.compiler, machine.build_type, machine.libraries,
      machine.commit, machine.date, options.repetitions, options.length.count(), options.pin ? ", threads pinned" : "",
      options.retries, options.disturbed_above * 100);
}

void print_uncontended(std::ostream& out, const std::vector<RungResult>& rungs) {
  out << "\n## Uncontended cycle: one thread, one object\n\nMedian [min..max] of the repetitions.\n";
  print_header(out, {"what", "time"});
  for (const RungResult& rung : rungs) out << fmt::format("| {} | {} |\n", rung.rung.title, format_spread(rung.ns));
}

void print_cells(std::ostream& out, const std::vector<CellResult>& cells, unsigned cpus) {
  const Hold& hold = cells.front().cell.hold;
  out << fmt::format("\n## Hold {}\n\n", name_of(hold));
  if (hold.kind == Hold::Kind::spin) out << "Ideal, hold / cores: " << ideal_line(cells, cpus) << ".\n\n";
  out << "Each cell: wall time / all cycles, median [min..max]; wait for a lease, median of the p50 and p99, worst of "
         "all; "
         "f = fewest / most cycles of a thread.\n";
  const auto layouts = layouts_of(cells);
  std::vector<std::string> columns{"pool"};
  columns.insert(columns.end(), layouts.begin(), layouts.end());
  print_header(out, columns);
  for (const PoolEntry* pool : pools_of(cells)) {
    out << "| " << pool->title << " |";
    for (const std::string& layout : layouts) {
      for (const CellResult& cell : cells) {
        if (cell.pool == pool && name_of(cell.cell.layout) == layout) out << ' ' << cell_text(cell);
      }
      out << " |";
    }
    out << '\n';
  }
  out.flush();
}

void print_handoffs(std::ostream& out, const std::vector<HandoffRow>& rows) {
  out << "\n## Hand-off: from release in one thread to the lease in another that waits\n";
  print_header(out, {"pool", "has waited", "p50", "p99"});
  for (const HandoffRow& row : rows) {
    out << fmt::format("| {} | {} | {} | {} |\n", row.pool->title, format_ns(static_cast<double>(row.held.count())),
                       format_spread(row.p50_ns), format_spread(row.p99_ns));
  }
}

void print_targets(std::ostream& out, const std::vector<Target>& targets) {
  out << "\n## Targets\n";
  print_header(out, {"what", "ours", "against", "measured", "target", "verdict"});
  for (const Target& target : targets) {
    out << fmt::format("| {} | {} | {} | {} | {} {} | {} |\n", target.what, target.ours, target.against,
                       target.measured ? format_value(target, *target.measured) : "-", target.at_least ? "≥" : "≤",
                       format_value(target, target.bound), verdict(target));
  }
}

}  // namespace pool_contention
