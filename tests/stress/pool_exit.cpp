// SPDX-License-Identifier: Apache-2.0
// Programs that end while a pool with static duration is in use. Each must end by itself with 0; the argument says how.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

#include "modelpool/pool/model_pool.hpp"

namespace {

using namespace std::chrono_literals;

struct Engine {
  ~Engine() { value = -1; }
  int value = 1;
};

class Gate {
 public:
  void pass() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return open_; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

// Destroyed after the pool, because it is made before it: ends with a failure when the lease was cut off from its instance.
class EndsAfterPool {
 public:
  ~EndsAfterPool() {
    if (lease && (*lease)->value != 1) std::_Exit(4);
    lease.reset();
    pool_is_gone.open();
    if (user.joinable()) user.join();
    if (failed.load()) std::_Exit(5);
  }
  std::optional<modelpool::Lease<Engine>> lease;
  Gate pool_is_gone;
  std::thread user;
  std::atomic<bool> failed{false};
};

EndsAfterPool& after_pool() {
  static EndsAfterPool object;
  return object;
}

modelpool::ModelPool<Engine>& pool() {
  after_pool();
  static modelpool::ModelPool<Engine> object{[] { return std::make_unique<Engine>(); },
                                             {.max_size = 2, .min_idle = 1, .idle_timeout = 50ms}};
  return object;
}

thread_local std::optional<modelpool::Lease<Engine>> of_this_thread;

}  // namespace

int main(int argc, char** argv) {
  const std::string_view how = argc == 2 ? argv[1] : "";
  if (how == "leased_by_another_thread") {
    auto& lease = after_pool().lease;  // only to name the order
    if (lease) return 6;
    std::thread([mine = pool().acquire()]() mutable {
      for (;;) std::this_thread::sleep_for(1h);
    }).detach();
  } else if (how == "released_after_the_pool") {
    after_pool().user = std::thread([mine = pool().acquire()]() mutable {
      after_pool().pool_is_gone.pass();
      if (mine->value != 1) after_pool().failed = true;
      mine.release();
    });
  } else if (how == "static_lease") {
    after_pool().lease = pool().acquire();
  } else if (how == "thread_local_lease") {
    of_this_thread = pool().acquire();
    std::thread([] { of_this_thread = pool().acquire(); }).join();
  } else if (how == "exit_while_waiting") {
    auto first = pool().acquire();
    const auto second = pool().acquire();
    std::thread([] { (void)pool().acquire({.timeout = std::nullopt}); }).detach();
    while (pool().stats().waiting == 0) std::this_thread::yield();
    std::quick_exit(0);
  } else if (how == "exit_in_the_midst") {
    const auto lease = pool().acquire();
    std::exit(0);
  } else {
    return 2;
  }
  return 0;
}
