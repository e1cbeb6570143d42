// SPDX-License-Identifier: Apache-2.0
#include "modelpool/pool/detail/pool_front.hpp"

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "modelpool/pool/errors.hpp"

namespace modelpool::detail {
namespace {

using std::chrono::nanoseconds;

InstanceCallbacks& callbacks_of(const Core& core) noexcept { return static_cast<InstanceCallbacks&>(core.ops()); }

Nanos deadline_after(Nanos start, std::optional<nanoseconds> timeout) noexcept {
  return timeout ? later(start, timeout->count()) : kNever;
}

// A call that may still use the pool's stats, or a function of the user's, when the pool is being destroyed.
class Visit {
 public:
  explicit Visit(InstanceCallbacks& callbacks) noexcept : callbacks_(callbacks) { callbacks_.callers.fetch_add(1); }
  explicit Visit(const Core& core) noexcept : Visit(callbacks_of(core)) {}
  ~Visit() { callbacks_.callers.fetch_sub(1); }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;

  /// ~ModelPool waits for this visit, so the user's functions may be called during it; false: they may be gone.
  [[nodiscard]] bool in_time() const noexcept { return !callbacks_.over.load(); }

 private:
  InstanceCallbacks& callbacks_;
};

WaitEvent wait_event(const Core& core, Nanos waited) {
  return {.pool = core.settings().name,
          .waited = nanoseconds(waited),
          .average_wait = nanoseconds(core.average_wait()),
          .waiting = core.waiting()};
}

[[noreturn]] void throw_timeout(const Core& core, AcquireStage stage, Nanos waited) {
  InstanceCallbacks& callbacks = callbacks_of(core);
  if (callbacks.hooks.on_timeout) callbacks.on_timeout(wait_event(core, waited));
  throw AcquireTimeout(stage, nanoseconds(waited), pool_stats(core));
}

[[noreturn]] void throw_cancelled(const Core& core, Nanos waited) {
  throw Cancelled("acquire was cancelled after " + std::to_string(waited / 1'000'000) + " ms (pool '" +
                  core.settings().name + "'): its stop token was triggered");
}

[[noreturn]] void throw_create_failed(const Core& core, const std::exception_ptr& cause) {
  try {
    std::rethrow_exception(cause);
  } catch (...) {
    std::throw_with_nested(CreateFailed(cause, pool_stats(core)));
  }
}

[[noreturn]] void throw_failure(const Core& core, const Core::Outcome& outcome) {
  switch (outcome.status) {
    case AcquireStatus::timed_out:
      throw_timeout(core, outcome.creating ? AcquireStage::create : AcquireStage::wait, outcome.waited);
    case AcquireStatus::cancelled:
      throw_cancelled(core, outcome.waited);
    case AcquireStatus::overloaded:
      throw Overloaded(pool_stats(core));
    case AcquireStatus::failed:
      throw_create_failed(core, outcome.cause);
    case AcquireStatus::deadlock:
      throw DeadlockError(pool_stats(core));
    default:
      throw PoolClosed(pool_stats(core));
  }
}

// The instance of a lease that was just given may be refused by the user's validate.
class Checkout {
 public:
  Checkout(Core& core, const AcquireOptions& options) noexcept
      : core_(core), callbacks_(callbacks_of(core)), started_(RealPlatform::now()) {
    request_.deadline = deadline_after(started_, options.timeout);
    request_.stop = options.stop;
  }

  Granted take() {
    if (request_.stop.stop_requested()) {
      core_.count_late_cancel();
      throw_cancelled(core_, 0);
    }
    for (;;) {
      Core::Outcome outcome;
      outcome.slot = core_.try_fast();
      if (outcome.slot == nullptr) outcome = core_.acquire(request_);
      if (outcome.status != AcquireStatus::granted) throw_failure(core_, outcome);
      if (outcome.waited > 0) waited_ = RealPlatform::now() - started_;
      if (accept(outcome)) break;
      request_.at_front = true;
    }
    if (waited_ > 0 && callbacks_.hooks.on_wait) callbacks_.on_wait(wait_event(core_, waited_));
    callbacks_.before_acquire(slot_->serial, waited_);
    return {.slot = slot_, .waited = waited_};
  }

 private:
  bool accept(const Core::Outcome& outcome) {
    slot_ = outcome.slot;
    const bool fresh = std::exchange(slot_->fresh, false);
    if (!callbacks_.has_validate) return true;
    const bool valid = callbacks_.validate(slot_->object);
    const bool late = request_.deadline != kNever && RealPlatform::now() >= request_.deadline;
    if (valid && !late) return true;
    give_back(outcome.waited, valid);
    if (!valid && fresh) {
      core_.count_late_failure();
      throw_create_failed(core_, std::make_exception_ptr(std::runtime_error("validate refused a new instance")));
    }
    if (!late) return false;
    core_.count_late_timeout();
    throw_timeout(core_, AcquireStage::validate, RealPlatform::now() - started_);
  }

  void give_back(Nanos waited, bool valid) noexcept {
    core_.uncount(*slot_, waited);
    core_.finish_lease(*slot_);
    core_.release(*slot_, valid ? std::nullopt : std::optional(DestroyReason::invalid));
  }

  Core& core_;
  InstanceCallbacks& callbacks_;
  const Nanos started_;
  Core::Request request_;
  CoreSlot* slot_ = nullptr;
  Nanos waited_ = 0;
};

}  // namespace

InstanceCallbacks::InstanceCallbacks(PoolHooks hooks_, std::string pool_name_,
                                     std::function<OnException(std::exception_ptr)> on_exception, bool validates,
                                     bool resets)
    : hooks(std::move(hooks_)),
      pool_name(std::move(pool_name_)),
      on_exception_policy(std::move(on_exception)),
      has_validate(validates),
      has_reset(resets) {}
InstanceCallbacks::~InstanceCallbacks() = default;

// Freed memory that the C library keeps for later is of no use to other processes.
void InstanceCallbacks::give_memory_back() noexcept {
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
}

bool InstanceCallbacks::plain() const noexcept {
  return !has_validate && !has_reset && !hooks.before_acquire && !hooks.after_release;
}

namespace {
template <class Hook, class Event>
void call(InstanceCallbacks& callbacks, const Hook& hook, const Event& event) noexcept {
  if (!hook) return;
  const Visit visit(callbacks);
  if (!visit.in_time()) return;
  try {
    hook(event);
  } catch (...) {
    callbacks.hook_failures.fetch_add(1, std::memory_order_relaxed);
  }
}
}  // namespace

void InstanceCallbacks::on_create(std::uint64_t instance, Nanos took) noexcept {
  call(*this, hooks.on_create, InstanceEvent{.pool = pool_name, .instance = instance, .duration = nanoseconds(took)});
}
void InstanceCallbacks::before_destroy(std::uint64_t instance, Nanos age, DestroyReason reason) noexcept {
  call(*this, hooks.before_destroy,
       InstanceEvent{.pool = pool_name, .instance = instance, .duration = nanoseconds(age), .reason = reason});
}
void InstanceCallbacks::on_leak(std::uint64_t instance, std::uint64_t thread, Nanos held) noexcept {
  call(*this, hooks.on_leak,
       LeakEvent{.pool = pool_name, .instance = instance, .thread_id = thread, .held = nanoseconds(held)});
}
void InstanceCallbacks::before_acquire(std::uint64_t instance, Nanos waited) noexcept {
  call(*this, hooks.before_acquire,
       InstanceEvent{.pool = pool_name, .instance = instance, .duration = nanoseconds(waited)});
}
void InstanceCallbacks::after_release(std::uint64_t instance, Nanos held) noexcept {
  call(*this, hooks.after_release,
       InstanceEvent{.pool = pool_name, .instance = instance, .duration = nanoseconds(held)});
}
void InstanceCallbacks::on_wait(const WaitEvent& event) noexcept { call(*this, hooks.on_wait, event); }
void InstanceCallbacks::on_timeout(const WaitEvent& event) noexcept { call(*this, hooks.on_timeout, event); }

std::size_t InstanceCallbacks::bytes(const void* object) noexcept {
  const Visit visit(*this);
  return visit.in_time() ? measure(object) : 0;
}

OnException InstanceCallbacks::judge(const std::exception_ptr& exception) noexcept {
  try {
    const Visit visit(*this);
    return on_exception_policy && visit.in_time() ? on_exception_policy(exception) : default_on_exception(exception);
  } catch (...) {
    hook_failures.fetch_add(1, std::memory_order_relaxed);
    return OnException::retire;
  }
}

std::exception_ptr factory_gave_nothing_error() noexcept {
  return std::make_exception_ptr(std::runtime_error("the factory returned null"));
}

Core* open_pool(PoolSettings settings, std::unique_ptr<InstanceCallbacks> callbacks) {
  settings.validate();
  if (!callbacks->has_factory()) throw InvalidOptions("factory", "empty", "a function that makes an instance");
  return new Core(std::move(settings), std::move(callbacks));
}

void abandon_pool(Core* core) noexcept {
  constexpr Nanos kPatience = 30'000'000'000;
  const Nanos deadline = RealPlatform::now() + kPatience;
  InstanceCallbacks& callbacks = callbacks_of(*core);
  const auto wait_for_callers = [&] {
    while (callbacks.callers.load() > 0 && RealPlatform::now() < deadline)
      std::this_thread::sleep_for(std::chrono::microseconds(50));
  };
  core->close(RealPlatform::now());
  wait_for_callers();
  std::exception_ptr ignored;
  core->wait_until(WaitKind::quiet, 0, deadline, ignored);
  callbacks.over.store(true);
  wait_for_callers();
  core->orphan(deadline);
}

Granted acquire_lease(Core& core, const AcquireOptions& options) {
  const Visit visit(core);
  return Checkout(core, options).take();
}

std::optional<Granted> try_acquire_lease(Core& core) {
  InstanceCallbacks& callbacks = callbacks_of(core);
  while (CoreSlot* slot = core.try_acquire()) {
    slot->fresh = false;
    if (!callbacks.has_validate || callbacks.validate(slot->object)) {
      callbacks.before_acquire(slot->serial, 0);
      return Granted{.slot = slot};
    }
    core.uncount(*slot, 0);
    core.finish_lease(*slot);
    core.release(*slot, DestroyReason::invalid);
  }
  return std::nullopt;
}

std::uint64_t acquire_exclusivity(Core& core, AcquireOptions& options) {
  const Visit visit(core);
  Core::Request request;
  request.kind = WaitKind::exclusive;
  request.deadline = deadline_after(RealPlatform::now(), options.timeout);
  request.stop = options.stop;
  const Core::Outcome outcome = core.acquire(request);
  if (outcome.status != AcquireStatus::granted) throw_failure(core, outcome);
  if (request.deadline != kNever) options.timeout = nanoseconds(request.deadline - RealPlatform::now());
  return outcome.period;
}

namespace {
// Why an instance whose lease ends is to be destroyed, if the user's functions have a say in it.
std::optional<DestroyReason> judge_instance(InstanceCallbacks& callbacks, CoreSlot& slot,
                                            const LeaseEnd& end) noexcept {
  if (end.destroy) return DestroyReason::requested;
  const Visit visit(callbacks);
  if (!visit.in_time()) return std::nullopt;
  if (end.unwinding || end.verdict) {
    const OnException verdict = end.verdict ? *end.verdict : callbacks.judge(nullptr);
    const bool keep = verdict == OnException::keep ||
                      (verdict == OnException::validate && callbacks.has_validate && callbacks.validate(slot.object));
    if (!keep) return DestroyReason::broken;
  }
  if (callbacks.has_reset && !callbacks.reset(slot.object)) return DestroyReason::invalid;
  return std::nullopt;
}
}  // namespace

void end_lease(CoreSlot& slot, const LeaseEnd& end) noexcept {
  Core& core = *slot.core;
  InstanceCallbacks& callbacks = callbacks_of(core);
  const std::optional<DestroyReason> reason = judge_instance(callbacks, slot, end);
  const std::uint64_t instance = slot.serial;
  const Nanos held = core.finish_lease(slot);
  callbacks.after_release(instance, held);
  const bool expired = slot.expires_at != kNever && RealPlatform::now() >= slot.expires_at;
  if (!reason && !expired && Core::release_fast(slot)) return;
  core.release(slot, reason);
}

OnException judge_exception(const CoreSlot& slot, const std::exception_ptr& exception) noexcept {
  return callbacks_of(*slot.core).judge(exception);
}

bool wait_available(Core& core, std::size_t max_concurrent, nanoseconds timeout) {
  const Visit visit(core);
  std::exception_ptr cause;
  return core.wait_until(WaitKind::available, max_concurrent, deadline_after(RealPlatform::now(), timeout), cause) ==
         WaitResult::granted;
}

void warm_up(Core& core, std::size_t n) {
  const Visit visit(core);
  std::exception_ptr cause;
  const WaitResult result = core.wait_until(WaitKind::warm, n, kNever, cause);
  if (result == WaitResult::failed) throw_create_failed(core, cause);
  if (result == WaitResult::closed) throw PoolClosed(pool_stats(core));
  if (result == WaitResult::impossible) {
    const std::string max_size = std::to_string(pool_stats(core).target_max_size);
    throw InvalidOptions("warm_up", std::to_string(n), "at most max_size (" + max_size + ")");
  }
}

ShrinkReport shrink(Core& core, std::size_t n) {
  const ShrinkReport report = core.shrink(n);
  if (report.destroyed > 0) core.ops().give_memory_back();
  return report;
}

void resize(Core& core, std::size_t max_size) {
  PoolSettings settings = core.settings();
  settings.max_size = max_size;
  settings.validate();
  core.resize(max_size);
}

CleanupReport cleanup(Core& core, nanoseconds grace) {
  const Visit visit(core);
  const CleanupReport report = core.cleanup(deadline_after(RealPlatform::now(), grace));
  if (report.destroyed > 0) core.ops().give_memory_back();
  return report;
}

bool close_pool(Core& core, nanoseconds grace) noexcept {
  const Visit visit(core);
  return core.close(deadline_after(RealPlatform::now(), grace));
}

PoolStats pool_stats(const Core& core) {
  PoolStats stats = core.stats();
  stats.hook_failures = callbacks_of(core).hook_failures.load(std::memory_order_relaxed);
  return stats;
}

}  // namespace modelpool::detail
