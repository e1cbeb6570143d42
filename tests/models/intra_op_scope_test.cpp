// SPDX-License-Identifier: Apache-2.0
#include "device/intra_op_scope.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <omp.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include "support/catch.hpp"

using modelpool::IntraOpScope;

namespace {

double seconds_of(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// CPU time of the process for each second of CPU time of this thread, while `work` runs.
double process_over_thread(const std::function<void()>& work) {
  const auto process = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
  const auto thread = seconds_of(CLOCK_THREAD_CPUTIME_ID);
  work();
  return (seconds_of(CLOCK_PROCESS_CPUTIME_ID) - process) / (seconds_of(CLOCK_THREAD_CPUTIME_ID) - thread);
}

/// Products for `seconds` of this thread's time, at least one.
void multiply(at::ScalarType type, double seconds = 0) {
  const std::int64_t size = type == at::kFloat ? 512 : 128;  // slow where the processor has no instructions for it
  const auto a = at::rand({size, size}).to(type);
  const auto b = at::rand({size, size}).to(type);
  const auto start = seconds_of(CLOCK_THREAD_CPUTIME_ID);
  do (void)at::mm(a, b);
  while (seconds_of(CLOCK_THREAD_CPUTIME_ID) - start < seconds);
}

/// OpenMP's other threads turn for a while after their work is done.
void let_teams_fall_asleep() { std::this_thread::sleep_for(std::chrono::milliseconds{200}); }

void on_a_new_thread(const std::function<void()>& work) { std::thread{work}.join(); }

}  // namespace

TEST_CASE("at a budget of one thread a product keeps to its thread, though the application asked for two", "[device]") {
  const auto type = GENERATE(at::kFloat, at::kBFloat16);
  CAPTURE(type);
  at::set_num_threads(2);
  multiply(type);
  let_teams_fall_asleep();
  double here = 0;
  double elsewhere = 0;
  const auto measure = [&](double& ratio) {
    const IntraOpScope scope{1};
    multiply(type);
    ratio = process_over_thread([&] { multiply(type, 0.3); });
  };
  measure(here);
  CHECK(here <= 1.1);
  on_a_new_thread([&] { measure(elsewhere); });  // whose first operator is under the scope
  CHECK(elsewhere <= 1.1);
}

TEST_CASE("the measurement sees the second thread where there is no scope", "[device]") {
  if (std::thread::hardware_concurrency() < 2) SKIP("this machine has one processor");
  at::set_num_threads(2);
  multiply(at::kFloat);
  CHECK(process_over_thread([] { multiply(at::kFloat, 0.3); }) > 1.3);
}

TEST_CASE("loops of our own keep to the budget", "[device]") {
  at::set_num_threads(4);
  on_a_new_thread([] {
    const auto threads_of_a_loop = [] {
      std::vector<int> seen(4, 0);
      at::parallel_for(0, 4, 1, [&](std::int64_t begin, std::int64_t) {
        seen[static_cast<std::size_t>(at::get_thread_num())] = begin >= 0;
      });
      return std::count(seen.begin(), seen.end(), 1);
    };
    const IntraOpScope scope{2};
    CHECK(threads_of_a_loop() <= 2);
    {
      const IntraOpScope inner{1};
      CHECK(threads_of_a_loop() == 1);
    }
    CHECK(::omp_get_max_threads() == 2);
  });
}

TEST_CASE("the numbers of before are back after a scope", "[device]") {
  at::set_num_threads(3);
  on_a_new_thread([] {
    const int before = at::get_num_threads();
    {
      const IntraOpScope scope{1};
      CHECK(at::get_num_threads() == 1);
      multiply(at::kFloat);
      CHECK(at::get_num_threads() == 1);
    }
    CHECK(at::get_num_threads() == before);
    CHECK(before == 3);
  });
}

TEST_CASE("a scope of one thread does not change another thread's number", "[device]") {
  at::set_num_threads(2);
  const IntraOpScope scope{1};
  int elsewhere = 0;
  on_a_new_thread([&] { elsewhere = at::get_num_threads(); });
  CHECK(elsewhere == 2);
}
