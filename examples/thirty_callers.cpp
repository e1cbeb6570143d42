// SPDX-License-Identifier: Apache-2.0
// Thirty telephone lines need a speech model for a second each, all at the same moment. How long does it take, and what
// does it cost in memory?
//
//   thirty_callers [SECONDS_OF_WORK] [MIB_OF_WEIGHTS]      (default: 1 16)
//
// Measures four ways: a model for each line; one model for all; four models; and what this library does: four instances
// that share one set of weights. A fifth row gives all thirty lines an instance of their own on shared weights. The
// model is a stand-in of a given size that is busy for a given time; memory is measured as proportional set size.
#include <malloc.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <modelpool/pool/model_pool.hpp>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr int kCallers = 30;
constexpr std::size_t kMiB = std::size_t{1} << 20;

struct Setup {
  std::chrono::duration<double> work{1.0};
  std::size_t weight_bytes = 16 * kMiB;
  std::size_t state_bytes = kMiB / 4;
};

// What one line of the table does.
struct Scenario {
  const char* name;
  std::size_t instances;
  bool share_weights;
};

struct Result {
  double seconds = 0;
  double mib = 0;
  modelpool::PoolStats stats;
};

// Proportional set size of this process: what it really occupies.
double pss_mib() {
  std::ifstream smaps("/proc/self/smaps_rollup");
  for (std::string word; smaps >> word;)
    if (double kib = 0; word == "Pss:" && smaps >> kib) return kib / 1024;
  return 0;
}

// region: model
using Weights = std::vector<std::byte>;  // constant once loaded

// Turns sound into what the model reads. Has no state, so one serves everybody.
struct Processor {
  static inline std::atomic<int> made{0};
  Processor() { ++made; }
};

class SpeechModel {
 public:
  SpeechModel(std::shared_ptr<const Processor> processor, std::shared_ptr<const Weights> weights, std::size_t state)
      : processor_(std::move(processor)), weights_(std::move(weights)), state_(state, std::byte{1}) {}
  void transcribe(std::chrono::duration<double> work) { std::this_thread::sleep_for(work); }

 private:
  std::shared_ptr<const Processor> processor_;  // shared by all
  std::shared_ptr<const Weights> weights_;      // shared, or this instance's own
  std::vector<std::byte> state_;                // what one call writes to
};
// endregion: model

using Pool = modelpool::ModelPool<SpeechModel>;

Pool::Factory factory_of(const Setup& setup, const Scenario& scenario, std::shared_ptr<const Processor> processor) {
  auto load = [bytes = setup.weight_bytes] { return std::make_shared<const Weights>(bytes, std::byte{1}); };
  std::shared_ptr<const Weights> shared = scenario.share_weights ? load() : nullptr;
  return [=] { return std::make_unique<SpeechModel>(processor, shared ? shared : load(), setup.state_bytes); };
}

// region: callers
// All callers at once; each leases an instance, works, and gives it back.
double run_callers(Pool& pool, std::chrono::duration<double> work) {
  const auto start = std::chrono::steady_clock::now();
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < kCallers; ++i)
      callers.emplace_back([&pool, work] {
        auto model = pool.acquire({.timeout = std::nullopt});
        model->transcribe(work);
      });
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}
// endregion: callers

Result run(const Setup& setup, const Scenario& scenario, const std::shared_ptr<const Processor>& processor) {
  const double before = pss_mib();
  std::atomic<bool> too_slow{false};
  // region: hook
  modelpool::PoolHooks hooks{.on_wait = [&](const modelpool::WaitEvent& event) {
    if (event.average_wait > setup.work) too_slow = true;  // callers wait longer, on average, than the work takes
  }};
  // endregion: hook
  Pool pool{factory_of(setup, scenario, processor),
            {.max_size = scenario.instances, .name = scenario.name, .hooks = std::move(hooks)}};
  pool.warm_up(scenario.instances);
  const double mib = pss_mib() - before;
  const double seconds = run_callers(pool, setup.work);
  Result result{seconds, mib, pool.stats()};
  std::printf("%-33s %9zu %8zu %12.1f %8.2f %12.2f\n", scenario.name, scenario.instances,
              scenario.share_weights ? 1 : scenario.instances, mib, seconds,
              std::chrono::duration<double>(result.stats.wait.average).count());
  if (too_slow) std::printf("  warning: avg_wait_time > %g s, raise max_size\n", setup.work.count());
  return result;
}

bool check(const char* what, bool holds) {
  std::printf("%-64s %s\n", what, holds ? "yes" : "NO");
  return holds;
}

}  // namespace

int main(int argc, char** argv) {
  mallopt(M_MMAP_THRESHOLD, static_cast<int>(kMiB) / 8);  // so that freed memory leaves the process, and counts
  Setup setup;
  if (argc > 1) setup.work = std::chrono::duration<double>(std::atof(argv[1]));
  if (argc > 2) setup.weight_bytes = static_cast<std::size_t>(std::atoi(argv[2])) * kMiB;

  const auto processor = std::make_shared<const Processor>();
  std::printf("%d callers, %g s of work each, weights of %g MiB\n\n", kCallers, setup.work.count(),
              static_cast<double>(setup.weight_bytes) / kMiB);
  std::printf("%-33s %9s %8s %12s %8s %12s\n", "", "instances", "weights", "memory MiB", "time s", "mean wait s");
  run(setup, {"a model for each caller", 30, false}, processor);
  run(setup, {"one model for all", 1, false}, processor);
  run(setup, {"four models", 4, false}, processor);
  const Result ours = run(setup, {"four instances, weights shared", 4, true}, processor);
  const Result thirty = run(setup, {"thirty instances, weights shared", 30, true}, processor);
  std::printf("\n");

  const double weights = static_cast<double>(setup.weight_bytes) / kMiB;
  const double state = static_cast<double>(setup.state_bytes) / kMiB;
  bool good = check("one processor", Processor::made == 1);
  good &= check("four instances were created, none more", ours.stats.created == 4 && ours.stats.size == 4);
  good &=
      check("thirty callers on four instances: at most 8.1 times the work", ours.seconds <= 8.1 * setup.work.count());
  good &=
      check("four instances cost the weights once, four states and 5 %", ours.mib <= 1.05 * weights + 4 * state + 1);
  good &= check("thirty instances too, with thirty states", thirty.mib <= 1.05 * weights + 30 * state + 1);
  return good ? 0 : 1;
}
