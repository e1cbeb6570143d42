// SPDX-License-Identifier: Apache-2.0
#include "options.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <string_view>

namespace pool_contention {
namespace {

using namespace std::chrono_literals;

constexpr std::array kLayouts{Layout{1, 1}, Layout{2, 2}, Layout{2, 1}, Layout{8, 4}, Layout{30, 4}};
constexpr std::array kHolds{Hold{}, Hold{Hold::Kind::spin, 1us}, Hold{Hold::Kind::spin, 50us},
                            Hold{Hold::Kind::sleep, 50us}};

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

template <class Number>
Number parse_number(std::string_view flag, std::string_view text, Number least) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < least) {
    throw UsageError{fmt::format("{} {}: expected a number of at least {}", flag, text, least)};
  }
  return value;
}

/// "0", "<n>us-cpu" or "<n>us-sleep".
Hold parse_hold(std::string_view text) {
  if (text == "0") return {};
  const std::size_t end = text.find("us-");
  const auto kind = end == std::string_view::npos ? std::string_view{} : text.substr(end + 3);
  if (kind != "cpu" && kind != "sleep") {
    throw UsageError{fmt::format("--cells :{}: expected a hold such as 0, 50us-cpu or 50us-sleep", text)};
  }
  const std::chrono::microseconds time{parse_number<std::int64_t>("--cells", text.substr(0, end), 1)};
  return {.kind = kind == "cpu" ? Hold::Kind::spin : Hold::Kind::sleep, .time = time};
}

/// "8x4", any numbers.
Layout parse_layout(std::string_view text) {
  const auto parts = split(text, 'x');
  if (parts.size() != 2) throw UsageError{fmt::format("--cells {}: expected threads x objects, for example 8x4", text)};
  return {.threads = parse_number<std::size_t>("--cells", parts[0], 1),
          .objects = parse_number<std::size_t>("--cells", parts[1], 1)};
}

std::vector<Hold> parse_holds(std::string_view name) {
  if (name.empty()) return {kHolds.begin(), kHolds.end()};
  return {parse_hold(name)};
}

std::vector<Layout> parse_layouts(std::string_view name) {
  if (name.empty()) return {kLayouts.begin(), kLayouts.end()};
  return {parse_layout(name)};
}

std::vector<Cell> cells_of(const std::vector<Layout>& layouts, const std::vector<Hold>& holds) {
  std::vector<Cell> cells;
  for (const Hold& hold : holds) {
    for (const Layout& layout : layouts) cells.push_back({layout, hold});
  }
  return cells;
}

/// "8x4", ":50us-cpu", "8x4:0" and lists of them; an empty text is the whole grid.
std::vector<Cell> parse_cells(std::string_view text) {
  std::vector<Cell> cells;
  for (const std::string_view item : split(text, ',')) {
    const std::size_t colon = std::min(item.find(':'), item.size());
    const auto hold = colon == item.size() ? std::string_view{} : item.substr(colon + 1);
    for (const Cell& cell : cells_of(parse_layouts(item.substr(0, colon)), parse_holds(hold))) cells.push_back(cell);
  }
  return cells;
}

std::vector<const PoolEntry*> parse_pools(std::string_view text) {
  std::vector<const PoolEntry*> pools;
  if (text.empty()) {
    for (const PoolEntry& pool : all_pools()) pools.push_back(&pool);
    return pools;
  }
  for (const std::string_view slug : split(text, ',')) {
    const PoolEntry* pool = find_pool(slug);
    if (pool == nullptr) throw UsageError{fmt::format("--pools {}: no such pool; --help lists them", slug)};
    pools.push_back(pool);
  }
  return pools;
}

void parse_only(std::string_view text, Options& options) {
  options.uncontended = options.grid = options.handoff = false;
  for (const std::string_view part : split(text, ',')) {
    if (part == "uncontended") {
      options.uncontended = true;
    } else if (part == "grid") {
      options.grid = true;
    } else if (part == "handoff") {
      options.handoff = true;
    } else {
      throw UsageError{fmt::format("--only {}: expected uncontended, grid or handoff", part)};
    }
  }
}

void set_quick(Options& options) {
  options.repetitions = 3;
  options.length = 100ms;
}

/// @return  false when there is no such flag
bool set_valued(std::string_view flag, std::string_view value, Options& options) {
  if (flag == "--cells") {
    options.cells = parse_cells(value);
  } else if (flag == "--pools") {
    options.pools = parse_pools(value);
  } else if (flag == "--only") {
    parse_only(value, options);
  } else if (flag == "--repetitions") {
    options.repetitions = parse_number<std::size_t>(flag, value, 1);
  } else if (flag == "--millis") {
    options.length = std::chrono::milliseconds{parse_number<std::int64_t>(flag, value, 1)};
  } else if (flag == "--disturbed-above") {
    options.disturbed_above = parse_number<double>(flag, value, 0) / 100;
  } else if (flag == "--retries") {
    options.retries = parse_number<std::size_t>(flag, value, 0);
  } else if (flag == "--json") {
    options.json_path = value;
  } else {
    return false;
  }
  return true;
}

}  // namespace

std::string name_of(const Layout& layout) { return fmt::format("{}x{}", layout.threads, layout.objects); }

std::string name_of(const Hold& hold) {
  if (hold.kind == Hold::Kind::none) return "0";
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(hold.time).count();
  return fmt::format("{}us-{}", micros, hold.kind == Hold::Kind::spin ? "cpu" : "sleep");
}

Options parse_options(int argc, const char* const* argv) {
  Options options;
  options.cells = parse_cells("");
  options.pools = parse_pools("");
  for (int i = 1; i < argc; ++i) {
    const std::string_view flag = argv[i];
    if (flag == "--help" || flag == "-h") {
      options.help = true;
    } else if (flag == "--quick") {
      set_quick(options);
    } else if (flag == "--pin") {
      options.pin = true;
    } else if (i + 1 == argc) {
      throw UsageError{fmt::format("{}: no such flag, or its value is missing; see --help", flag)};
    } else if (!set_valued(flag, argv[++i], options)) {
      throw UsageError{fmt::format("{}: no such flag; see --help", flag)};
    }
  }
  return options;
}

std::string help_text() {
  std::string text =
      "pool_contention: ModelPool against other pools, alternating in one run\n\n"
      "  --quick                 3 repetitions of 100 ms instead of 7 of 250 ms (2 minutes instead of 11)\n"
      "  --repetitions N         runs of each kind, pool and cell\n"
      "  --millis N              length of a run\n"
      "  --cells LIST            threads x objects, :hold, or both, separated by commas: 8x4, :50us-cpu, "
      "30x4:1000us-sleep;\n"
      "                          what is left out is 1x1 2x2 2x1 8x4 30x4, and 0 1us-cpu 50us-cpu 50us-sleep\n"
      "  --pools LIST            names below, separated by commas\n"
      "  --only LIST             of uncontended, grid, handoff\n"
      "  --disturbed-above P     repeat a run when others used more than P percent of the CPUs (5)\n"
      "  --retries N             of a disturbed run (3); the least disturbed one counts, and is flagged\n"
      "  --pin                   thread i stays on CPU i\n"
      "  --json FILE             everything measured, with the machine and the settings\n\nPools:\n";
  for (const PoolEntry& pool : all_pools()) text += fmt::format("  {:<22}  {}\n", pool.slug, pool.title);
  return text;
}

}  // namespace pool_contention
