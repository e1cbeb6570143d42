// SPDX-License-Identifier: Apache-2.0
#include "modelpool/pool/stats.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

namespace modelpool {
namespace {

using Json = nlohmann::ordered_json;

double seconds(std::chrono::nanoseconds duration) { return static_cast<double>(duration.count()) * 1e-9; }

Json to_json_value(const DurationStats& stats) {
  Json buckets = Json::array();
  for (std::size_t i = 0; i < DurationHistogram::kBuckets; ++i)
    if (stats.histogram.counts[i] > 0)
      buckets.push_back({{"below", std::ldexp(1e-9, static_cast<int>(i) + 1)}, {"count", stats.histogram.counts[i]}});
  return {{"count", stats.count},
          {"average", seconds(stats.average)},
          {"maximum", seconds(stats.maximum)},
          {"p50", seconds(stats.histogram.quantile(0.5))},
          {"p99", seconds(stats.histogram.quantile(0.99))},
          {"histogram", std::move(buckets)}};
}

Json reasons_json(const PoolStats& stats) {
  Json reasons = Json::object();
  for (std::size_t i = 0; i < kDestroyReasons; ++i)
    reasons[to_string(static_cast<DestroyReason>(i))] = stats.destroyed_by[i];
  return reasons;
}

Json old_names(const PoolStats& stats) {
  return {{"max_instances", stats.max_size},
          {"available", stats.idle},
          {"pool_size", stats.size},
          {"total_requests", stats.requests},
          {"avg_wait_time", seconds(stats.wait.average)},
          {"max_wait_time", seconds(stats.wait.maximum)},
          {"available_models", stats.idle},
          {"busy_models", stats.leased}};
}

}  // namespace

std::uint64_t DurationHistogram::total() const noexcept {
  std::uint64_t sum = 0;
  for (const std::uint64_t count : counts) sum += count;
  return sum;
}

std::chrono::nanoseconds DurationHistogram::quantile(double q) const noexcept {
  const double wanted = q * static_cast<double>(total());
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += counts[i];
    if (seen > 0 && static_cast<double>(seen) >= wanted) return std::chrono::nanoseconds(std::int64_t{1} << (i + 1));
  }
  return std::chrono::nanoseconds(0);
}

const char* to_string(DestroyReason reason) noexcept {
  constexpr std::array<const char*, kDestroyReasons> kNames = {"requested", "broken", "invalid", "expired",
                                                               "idle",      "shrunk", "cleaned", "closed"};
  return kNames[static_cast<std::size_t>(reason)];
}

std::string PoolStats::to_json() const {
  Json json = {{"name", name},
               {"size", size},
               {"idle", idle},
               {"leased", leased},
               {"creating", creating},
               {"retiring", retiring},
               {"waiting", waiting},
               {"waiting_peak", waiting_peak},
               {"max_size", max_size},
               {"target_max_size", target_max_size},
               {"max_size_reason", max_size_reason},
               {"min_idle", min_idle},
               {"paused", paused},
               {"closed", closed},
               {"requests", requests},
               {"direct", direct},
               {"waited", waited},
               {"timeouts", timeouts},
               {"cancelled", cancelled},
               {"rejected", rejected},
               {"failed", failed},
               {"created", created},
               {"create_failed", create_failed},
               {"create_timeouts", create_timeouts},
               {"destroyed", destroyed},
               {"destroyed_by", reasons_json(*this)},
               {"detached", detached},
               {"leaked", leaked},
               {"hook_failures", hook_failures},
               {"last_create_error", last_create_error},
               {"wait", to_json_value(wait)},
               {"hold", to_json_value(hold)},
               {"create", to_json_value(create)}};
  json.update(old_names(*this));
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace modelpool
