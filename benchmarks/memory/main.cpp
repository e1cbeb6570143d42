// SPDX-License-Identifier: Apache-2.0
// What memory do weights cost, for many leases, while they are loaded, and over minutes of load? See README.md.
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "modelpool/device/memory.hpp"
#include "modelpool/error.hpp"
#include "modelpool/managers/embedding.hpp"

namespace {

using namespace modelpool;
using Clock = std::chrono::steady_clock;

struct Options {
  std::string model = MODELPOOL_MINILM_DIR;
  double minutes = 2;
  std::size_t leases = 8;
};

double mib(std::uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

double pss_mib() {
  const auto memory = MemoryProbe{}.process();
  return mib(memory.proportional_bytes.value_or(memory.resident_bytes));
}

/// The most that this process had in memory since reset_peak().
double peak_mib() {
  std::ifstream status{"/proc/self/status"};
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::stod(line.substr(6)) / 1024;
  return 0;
}

void reset_peak() { std::ofstream{"/proc/self/clear_refs"} << "5"; }

/// Prints what a step adds to the memory.
template <class Step>
void row(const std::string& name, Step step) {
  empty_device_cache();
  reset_peak();
  const auto before = pss_mib();
  const auto resident = mib(MemoryProbe{}.process().resident_bytes);
  step();
  const auto after = pss_mib();
  fmt::print("| {} | {:.1f} | {:+.1f} | {:+.1f} |\n", name, after, after - before, peak_mib() - resident);
}

std::vector<std::string> some_texts(std::size_t count) {
  std::vector<std::string> texts(count);
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t w = 0; w <= i * 37 % 120; ++w) texts[i] += w % 3 == 0 ? "the water of the river " : "goes by ";
  return texts;
}

/// Of a line through (minute, MiB), in MiB for each minute.
double slope(const std::vector<double>& minutes, const std::vector<double>& values) {
  const auto n = static_cast<double>(minutes.size());
  double x = 0;
  double y = 0;
  double xx = 0;
  double xy = 0;
  for (std::size_t i = 0; i < minutes.size(); ++i) {
    x += minutes[i];
    y += values[i];
    xx += minutes[i] * minutes[i];
    xy += minutes[i] * values[i];
  }
  return (n * xy - x * y) / (n * xx - x * x);
}

/// Threads that embed until they are stopped, every second one with a lease of its own.
class Load {
 public:
  Load(EmbeddingManager& manager, std::size_t threads) {
    for (std::size_t t = 0; t < threads; ++t) threads_.emplace_back([this, &manager, t] { run(manager, t); });
  }
  ~Load() {
    stopped_ = true;
    for (auto& thread : threads_) thread.join();
  }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;
  [[nodiscard]] std::uint64_t texts() const { return texts_; }

 private:
  void run(EmbeddingManager& manager, std::size_t thread) {
    const auto texts = some_texts(64);
    for (std::size_t i = thread; !stopped_; ++i) {
      const auto count = 1 + i * 7 % 32;
      const auto some = std::span{texts}.subspan(i % 32, count);
      if (thread % 2 == 0) {
        auto lease = manager.acquire();
        (void)manager.embed(some, *lease);
      } else {
        (void)manager.embed(some);
      }
      texts_ += count;
    }
  }

  std::atomic<bool> stopped_ = false;
  std::atomic<std::uint64_t> texts_ = 0;
  std::vector<std::thread> threads_;
};

void run_load(EmbeddingManager& manager, const Options& options) {
  std::vector<double> minutes;
  std::vector<double> values;
  std::uint64_t texts = 0;
  {
    const Load load{manager, options.leases};
    const auto start = Clock::now();
    for (double now = 0; now < options.minutes;) {
      std::this_thread::sleep_for(std::chrono::seconds{1});
      now = std::chrono::duration<double>(Clock::now() - start).count() / 60;
      if (now < options.minutes / 4) continue;
      minutes.push_back(now);
      values.push_back(pss_mib());
    }
    texts = load.texts();
  }
  fmt::print(
      "\n{:.1f} minutes of load by {} threads, {} texts: PSS {:.1f} MiB at a quarter, {:.1f} at the end, slope "
      "{:+.3f} MiB for each minute\n",
      options.minutes, options.leases, texts, values.front(), values.back(), slope(minutes, values));
}

void measure(const Options& options) {
  const ManagerOptions pool{.pool_size = options.leases, .threads = 1};
  fmt::print("| step | PSS, MiB | change | most above the start of the step |\n|---|---|---|---|\n");
  std::vector<std::unique_ptr<EmbeddingManager>> managers;
  const auto add = [&] { managers.push_back(std::make_unique<EmbeddingManager>(options.model, pool)); };
  row("LibTorch and the tokenizer", add);
  row("weights, one instance", [&] { managers[0]->warm_up(1); });
  row(fmt::format("{} instances", options.leases), [&] { managers[0]->warm_up(options.leases); });
  const auto texts = some_texts(64);
  std::vector<Lease<EmbeddingInstance>> leases;
  row(fmt::format("{} leases that have computed", options.leases), [&] {
    for (std::size_t i = 0; i < options.leases; ++i) leases.push_back(managers[0]->acquire());
    for (auto& lease : leases) (void)managers[0]->embed(texts, *lease);
  });
  leases.clear();
  row("3 more managers of the folder, warm", [&] {
    for (int i = 0; i < 3; ++i) add();
    for (auto& manager : managers) manager->warm_up(1);
  });
  const auto info = managers[0]->info();
  fmt::print("\nweights: {:.1f} MiB in {}\n", mib(info.weight_bytes), info.dtype);
  managers.resize(1);
  if (options.minutes > 0) run_load(*managers[0], options);
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    if (name == "--minutes") options.minutes = std::atof(argv[i + 1]);
    if (name == "--leases") options.leases = static_cast<std::size_t>(std::atoi(argv[i + 1]));
    if (name == "--model") options.model = argv[i + 1];
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = parse(argc, argv);
  if (argc % 2 == 0 || options.model.empty() || options.leases < 1) {
    fmt::print(stderr, "usage: {} [--minutes M] [--leases N] [--model FOLDER]\n", argv[0]);
    return 2;
  }
  try {
    measure(options);
  } catch (const Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
