// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "report.hpp"

namespace pool_contention {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const Spread& spread) { return {{"median", spread.median}, {"min", spread.min}, {"max", spread.max}}; }

Json json_of(const Machine& machine) {
  return {{"processor", machine.processor},   {"cpus", machine.cpus},
          {"kernel", machine.kernel},         {"compiler", machine.compiler},
          {"libraries", machine.libraries},   {"commit", machine.commit},
          {"build_type", machine.build_type}, {"date", machine.date}};
}

Json json_of(const Options& options) {
  return {{"repetitions", options.repetitions},
          {"run_ms", options.length.count()},
          {"disturbed_above", options.disturbed_above},
          {"retries", options.retries},
          {"pinned", options.pin}};
}

Json json_of(const RunResult& run) {
  return {{"cycles", run.cycles},
          {"cycle_ns", run.cycle_ns},
          {"slowest_over_fastest", run.slowest_over_fastest},
          {"wait_p50_ns", run.wait_p50_ns},
          {"wait_p99_ns", run.wait_p99_ns},
          {"wait_max_ns", run.wait_max_ns},
          {"others", run.others},
          {"exclusive", run.exclusive}};
}

Json json_of(const std::vector<RunResult>& runs) {
  Json list = Json::array();
  for (const RunResult& run : runs) list.push_back(json_of(run));
  return list;
}

Json json_of(const CellResult& cell) {
  return {{"threads", cell.cell.layout.threads},
          {"objects", cell.cell.layout.objects},
          {"hold", name_of(cell.cell.hold)},
          {"pool", cell.pool->slug},
          {"cycle_ns", json_of(cell.cycle_ns)},
          {"slowest_over_fastest", json_of(cell.slowest_over_fastest)},
          {"wait_p50_ns", json_of(cell.wait_p50_ns)},
          {"wait_p99_ns", json_of(cell.wait_p99_ns)},
          {"wait_max_ns", cell.wait_max_ns},
          {"runs_repeated", cell.repeated},
          {"runs_disturbed", cell.disturbed},
          {"others", cell.others},
          {"exclusive", cell.exclusive},
          {"throughput_runs", json_of(cell.throughput_runs)},
          {"latency_runs", json_of(cell.latency_runs)}};
}

Json json_of(const RungResult& rung) {
  return {{"what", rung.rung.slug}, {"title", rung.rung.title}, {"ns", json_of(rung.ns)}};
}

Json json_of(const HandoffRow& row) {
  return {{"pool", row.pool->slug},
          {"waited_ns", row.held.count()},
          {"p50_ns", json_of(row.p50_ns)},
          {"p99_ns", json_of(row.p99_ns)}};
}

Json json_of(const Target& target) {
  return {{"what", target.what},
          {"ours", target.ours},
          {"against", target.against},
          {"measured", target.measured ? Json(*target.measured) : Json()},
          {target.at_least ? "at_least" : "at_most", target.bound},
          {"unit", target.unit},
          {"met", target.measured ? Json(target.met()) : Json()}};
}

template <class Item>
Json list_of(const std::vector<Item>& items) {
  Json list = Json::array();
  for (const Item& item : items) list.push_back(json_of(item));
  return list;
}

}  // namespace

std::string to_json(const Results& results, const Options& options, const std::vector<Target>& targets) {
  const Json document = {{"machine", json_of(results.machine)},         {"settings", json_of(options)},
                         {"uncontended", list_of(results.uncontended)}, {"cells", list_of(results.cells)},
                         {"handoff", list_of(results.handoffs)},        {"targets", list_of(targets)}};
  return document.dump(1);
}

}  // namespace pool_contention
