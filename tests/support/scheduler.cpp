// SPDX-License-Identifier: Apache-2.0
#include "support/scheduler.hpp"

#include <algorithm>

namespace sim {

Scheduler::Report Scheduler::explore(unsigned preemptions, std::size_t limit,
                                     const std::function<void(Scheduler&)>& execution) {
  Report report;
  std::vector<Choice> choices;
  std::vector<std::unique_ptr<char[]>> stacks;
  for (;;) {
    Scheduler scheduler;
    scheduler.bound_ = preemptions;
    scheduler.choices_ = std::move(choices);
    scheduler.free_stacks_ = std::move(stacks);
    current_ = &scheduler;
    execution(scheduler);
    current_ = nullptr;
    ++report.executions;
    report.longest = std::max(report.longest, scheduler.points_);
    if (scheduler.failed()) {
      report.failure = scheduler.failure_ + " (execution " + std::to_string(report.executions) + ")";
      return report;
    }
    stacks = std::move(scheduler.free_stacks_);
    choices = std::move(scheduler.choices_);
    if (!scheduler.next_execution(choices)) {
      report.complete = true;
      return report;
    }
    if (report.executions == limit) return report;
  }
}

// The last choice that has an option left takes it; what came after it is forgotten.
bool Scheduler::next_execution(std::vector<Choice>& choices) {
  while (!choices.empty() && choices.back().taken + 1 == choices.back().options) choices.pop_back();
  if (choices.empty()) return false;
  ++choices.back().taken;
  return true;
}

void Scheduler::start(std::function<void()> body) {
  auto fiber = std::make_unique<Fiber>();
  fiber->body = std::move(body);
  if (free_stacks_.empty()) {
    fiber->stack = std::make_unique_for_overwrite<char[]>(kStack);
  } else {
    fiber->stack = std::move(free_stacks_.back());
    free_stacks_.pop_back();
  }
  fiber->cache.token = (fibers_.size() + 1) << modelpool::detail::kSystemIdBits;
  getcontext(&fiber->context);
  fiber->context.uc_stack.ss_sp = fiber->stack.get();
  fiber->context.uc_stack.ss_size = kStack;
  fiber->context.uc_link = nullptr;
  makecontext(&fiber->context, &Scheduler::entry, 0);
  fibers_.push_back(std::move(fiber));
}

void Scheduler::entry() {
  Scheduler& scheduler = current();
  Fiber& self = *scheduler.fibers_[scheduler.running_];
  self.body();
  self.body = nullptr;
  self.done = true;
  scheduler.reschedule();
}

void Scheduler::run_all(bool free) {
  free_ = free;
  stuck_ = false;
  std::vector<std::size_t> enabled;
  list_enabled(enabled);
  if (enabled.empty()) return;
  running_ = enabled[choose(enabled.size())];
  swapcontext(&main_, &fibers_[running_]->context);
  free_ = false;
  if (stuck_) return;  // the stacks of stuck threads stay with their fibers
  for (auto& fiber : fibers_)
    if (fiber->stack) free_stacks_.push_back(std::move(fiber->stack));
}

void Scheduler::list_enabled(std::vector<std::size_t>& enabled) const {
  for (std::size_t i = 0; i < fibers_.size(); ++i)
    if (!fibers_[i]->done && fibers_[i]->blocked_on == nullptr) enabled.push_back(i);
}

std::size_t Scheduler::choose(std::size_t options) {
  if (!free_ || options == 1) return 0;
  if (position_ == choices_.size()) choices_.push_back({0, options});
  return choices_[position_++].taken;
}

void Scheduler::switch_to(std::size_t next) {
  if (next == running_) return;
  const std::size_t previous = running_;
  running_ = next;
  swapcontext(&fibers_[previous]->context, &fibers_[next]->context);
}

// At a scheduling point the options are: go on; another thread that can run; a sleeper whose time is up. All but the first
// are pre-emptions.
void Scheduler::point() {
  if (++points_ > kMaxPoints) {
    fail("no progress: the threads run in circles");
    stuck_ = true;
    setcontext(&main_);
  }
  if (!free_ || preemptions_ == bound_) return;
  std::array<std::size_t, 16> others{};
  std::size_t count = 0;
  for (std::size_t i = 0; i < fibers_.size() && count < others.size(); ++i) {
    const Fiber& fiber = *fibers_[i];
    if (i != running_ && !fiber.done && (fiber.blocked_on == nullptr || fiber.deadline != kNever)) others[count++] = i;
  }
  if (count == 0) return;
  const std::size_t chosen = choose(count + 1);
  if (chosen == 0) return;
  ++preemptions_;
  Fiber& next = *fibers_[others[chosen - 1]];
  if (next.blocked_on != nullptr) {
    now_ = std::max(now_, next.deadline);
    next.blocked_on = nullptr;
  }
  switch_to(others[chosen - 1]);
}

void Scheduler::block(const void* on, Nanos deadline, bool parked) {
  Fiber& self = *fibers_[running_];
  self.blocked_on = on;
  self.deadline = deadline;
  self.parked = parked;
  reschedule();
}

// The running thread cannot go on: which one then is a choice, but not a pre-emption.
void Scheduler::reschedule() {
  std::vector<std::size_t> enabled;
  list_enabled(enabled);
  if (enabled.empty() && fire_next_timeout()) list_enabled(enabled);
  if (!enabled.empty()) return switch_to(enabled[choose(enabled.size())]);
  for (const auto& fiber : fibers_) {
    if (fiber->done) continue;
    fail("a thread waits for ever");
    stuck_ = true;
  }
  setcontext(&main_);
}

bool Scheduler::fire_next_timeout() {
  Fiber* first = nullptr;
  for (const auto& fiber : fibers_)
    if (!fiber->done && fiber->deadline != kNever && (first == nullptr || fiber->deadline < first->deadline))
      first = fiber.get();
  if (first == nullptr) return false;
  now_ = std::max(now_, first->deadline);
  first->blocked_on = nullptr;
  return true;
}

void Scheduler::unblock(const void* on) {
  for (const auto& fiber : fibers_)
    if (fiber->blocked_on == on) {
      fiber->blocked_on = nullptr;
      fiber->deadline = kNever;
    }
}

bool Scheduler::is_parked(std::size_t thread) const {
  const Fiber& fiber = *fibers_[thread];
  return !fiber.done && fiber.blocked_on != nullptr && fiber.parked;
}

ThreadCache& Scheduler::cache() { return fibers_[running_]->cache; }

}  // namespace sim
