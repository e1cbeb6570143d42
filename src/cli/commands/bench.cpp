// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/bench.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <latch>
#include <string>
#include <utility>
#include <vector>

#include "cli/arguments.hpp"
#include "cli/classifier.hpp"
#include "cli/embedder.hpp"
#include "cli/input.hpp"
#include "cli/json.hpp"
#include "cli/parallel.hpp"
#include "cli/percentiles.hpp"
#include "cli/rows.hpp"

namespace modelpool::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostInputs = 65'536;
constexpr const char* kDefaultText =
    "A pool hands out its instances one lease at a time, so that many threads can use a few expensive models.";

/// What callers saw.
struct Samples {
  std::vector<double> latency_ms;
  std::vector<double> wait_ms;
  double requests_per_second = 0;
  double tokens_per_second = 0;
};

/// What one request came to.
struct Answer {
  std::chrono::nanoseconds queued;
  std::size_t tokens;
};

/// What callers send, one text after the other.
struct Workload {
  std::size_t size = 0;                          // texts
  std::function<Answer(std::size_t text)> send;  // from any thread
};

/// The texts of the input with what `make_row` and `make_options` make of them.
template <class MakeRow, class MakeOptions>
auto read_requests(CommandContext& context, MakeRow make_row, MakeOptions make_options) {
  const auto& common = context.options.common;
  std::vector<std::pair<std::string, decltype(make_options(make_row(RawInput{}).flags))>> requests;
  InputSource source(common, context.interrupt.wake_fd());
  for (auto& input : source.next_window(kMostInputs, std::size_t{64} << 20)) {
    auto row = make_row(std::move(input));
    if (row.error) throw UsageError(fmt::format("input {}: {}", requests.size(), row.error->message));
    requests.emplace_back(std::move(row.text), make_options(row.flags));
  }
  if (requests.empty() && common.input)
    throw UsageError(fmt::format("--input {}: there is no input in it", *common.input));
  if (requests.empty()) requests.emplace_back(kDefaultText, make_options(make_row(RawInput{}).flags));
  return requests;
}

Workload embed_workload(EmbeddingManager& manager, CommandContext& context) {
  const auto& options = context.options;
  auto requests = read_requests(
      context,
      [&](RawInput input) { return make_embed_row(std::move(input), options.common.input_format, options.embed); },
      [&](const EmbedFlags& flags) { return make_embed_options(options.common, flags, context.interrupt.token()); });
  const auto size = requests.size();
  return {size, [&manager, requests = std::move(requests)](std::size_t text) {
            const auto result = manager.embed(std::span{&requests[text].first, 1}, requests[text].second);
            return Answer{result.timings.queued, result.tokens.front()};
          }};
}

Workload classify_workload(ClassificationManager& manager, CommandContext& context) {
  const auto& options = context.options;
  const ClassifyFlags defaults{.aggregation = options.classify.aggregation, .max_length = options.embed.max_length};
  auto requests = read_requests(
      context,
      [&](RawInput input) { return make_classify_row(std::move(input), options.common.input_format, defaults); },
      [&](const ClassifyFlags& flags) {
        return make_classify_options(options.common, flags, context.interrupt.token());
      });
  const auto size = requests.size();
  return {size, [&manager, requests = std::move(requests)](std::size_t text) {
            const auto result = manager.classify(std::span{&requests[text].first, 1}, requests[text].second);
            return Answer{result.timings.queued, result.texts.front().tokens};
          }};
}

double milliseconds(Clock::duration d) { return std::chrono::duration<double, std::milli>(d).count(); }

/// One caller: requests of one text, one after the other, for a while. Its rates count up to the end of its last request.
Samples call_for(Clock::duration duration, const Workload& load, std::atomic<std::size_t>& next,
                 const CommandContext& context) {
  Samples samples;
  std::uint64_t tokens = 0;
  const auto start = Clock::now();
  auto now = start;
  try {
    while (now < start + duration) {
      const auto answer = load.send(next.fetch_add(1, std::memory_order_relaxed) % load.size);
      const auto end = Clock::now();
      samples.latency_ms.push_back(milliseconds(end - now));
      samples.wait_ms.push_back(milliseconds(answer.queued));
      tokens += answer.tokens;
      now = end;
    }
  } catch (const Cancelled&) {
    if (!context.interrupt.triggered()) throw;  // after Ctrl-C, what was measured so far is the result
  }
  const auto seconds = std::max(std::chrono::duration<double>(now - start).count(), 1e-9);
  samples.requests_per_second = static_cast<double>(samples.latency_ms.size()) / seconds;
  samples.tokens_per_second = static_cast<double>(tokens) / seconds;
  return samples;
}

Samples join(const std::vector<Samples>& parts) {
  Samples all;
  for (const auto& part : parts) {
    all.latency_ms.insert(all.latency_ms.end(), part.latency_ms.begin(), part.latency_ms.end());
    all.wait_ms.insert(all.wait_ms.end(), part.wait_ms.begin(), part.wait_ms.end());
    all.requests_per_second += part.requests_per_second;
    all.tokens_per_second += part.tokens_per_second;
  }
  return all;
}

/// All callers at once, each a thread of its own.
Samples call_together(const Workload& load, std::size_t callers, Clock::duration duration,
                      const CommandContext& context) {
  std::vector<Samples> samples(callers);
  std::atomic<std::size_t> next{0};
  std::latch start(static_cast<std::ptrdiff_t>(callers));
  parallel_for(callers, callers, {}, [&](std::size_t c) {
    start.arrive_and_wait();
    samples[c] = call_for(duration, load, next, context);
  });
  return join(samples);
}

std::uint64_t peak_rss_bytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

void append_percentiles(std::string& out, std::string_view name, const Percentiles& p) {
  out += fmt::format(",\"{}\":{{\"p50\":", name);
  append_json_double(out, p.p50);
  out += ",\"p90\":";
  append_json_double(out, p.p90);
  out += ",\"p99\":";
  append_json_double(out, p.p99);
  out += '}';
}

struct Report {
  double requests_per_second;
  double tokens_per_second;
  Percentiles latency_ms;
  Percentiles wait_ms;
  std::size_t callers;
  ModelInfo model;
  std::uint64_t peak_rss;
};

std::string report_as_json(const Report& r) {
  std::string out = "{\"requests_per_second\":";
  append_json_double(out, r.requests_per_second);
  out += ",\"tokens_per_second\":";
  append_json_double(out, r.tokens_per_second);
  append_percentiles(out, "latency_ms", r.latency_ms);
  append_percentiles(out, "wait_ms", r.wait_ms);
  out += fmt::format(",\"callers\":{},\"pool_size\":{},\"threads\":{},\"dtype\":", r.callers, r.model.pool_size,
                     r.model.threads);
  append_json_string(out, r.model.dtype);
  return out + fmt::format(",\"weight_bytes\":{},\"peak_rss_bytes\":{}}}\n", r.model.weight_bytes, r.peak_rss);
}

std::string report_for_people(const Report& r) {
  const auto times = [](const Percentiles& p) {
    return fmt::format("{:.2f} ms half, {:.2f} ms 90 %, {:.2f} ms 99 %", p.p50, p.p90, p.p99);
  };
  return fmt::format(
      "throughput    {:.1f} requests/s, {:.0f} tokens/s\nlatency       {}\nof it waiting {}\n"
      "conditions    {} callers, {} instances (from: {}) of {} threads, {}\nmemory        {:.1f} MB weights, {:.1f} MB "
      "process at "
      "most\n",
      r.requests_per_second, r.tokens_per_second, times(r.latency_ms), times(r.wait_ms), r.callers, r.model.pool_size,
      r.model.pool_size_reason, r.model.threads, r.model.dtype, static_cast<double>(r.model.weight_bytes) / 1e6,
      static_cast<double>(r.peak_rss) / 1e6);
}

/// @param load  of the manager, whose instances are ready
template <class Manager>
int measure(Manager& manager, const Workload& load, CommandContext& context) {
  const auto& options = context.options;
  const auto callers = options.bench.callers;
  const auto duration = std::chrono::duration_cast<Clock::duration>(options.bench.seconds);
  const auto warm_up = std::min<Clock::duration>(duration / 4, std::chrono::seconds{1});
  (void)call_together(load, callers, warm_up, context);
  if (context.interrupt.triggered()) return kInterrupted;
  const auto samples = call_together(load, callers, duration, context);
  const Report report{.requests_per_second = samples.requests_per_second,
                      .tokens_per_second = samples.tokens_per_second,
                      .latency_ms = percentiles_of(samples.latency_ms),
                      .wait_ms = percentiles_of(samples.wait_ms),
                      .callers = callers,
                      .model = manager.info(),
                      .peak_rss = peak_rss_bytes()};
  context.out.write(options.common.json ? report_as_json(report) : report_for_people(report));
  return context.exit_code(0);
}

}  // namespace

int run_bench(CommandContext& context) {
  const auto& common = context.options.common;
  if (is_classifier(common)) {
    auto manager = open_classifier(common);
    const auto load = classify_workload(manager, context);
    manager.warm_up(manager.pool_size());
    return measure(manager, load, context);
  }
  auto manager = open_embedder(common);
  manager.calibrate();
  const auto load = embed_workload(manager, context);
  load_model(manager, manager.pool_size(), context);
  return measure(manager, load, context);
}

}  // namespace modelpool::cli
