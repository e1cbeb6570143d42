// SPDX-License-Identifier: Apache-2.0
// Everything that one can do with a lease: let it end, end it early, destroy its instance, take the instance out of the
// pool; wait with a deadline or until told to stop; hold all instances at once.
#include <chrono>
#include <cstdio>
#include <memory>
#include <modelpool/pool/model_pool.hpp>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

// Stands for a model: expensive to make, and for one thread at a time.
struct Model {
  int uses = 0;
};

using Pool = modelpool::ModelPool<Model>;

void show(const char* what, const Pool& pool) {
  const auto stats = pool.stats();
  std::printf("%-34s leased %zu, idle %zu, created %llu, destroyed %llu\n", what, stats.leased, stats.idle,
              static_cast<unsigned long long>(stats.created), static_cast<unsigned long long>(stats.destroyed));
}

void end_with_the_scope(Pool& pool) {
  // region: scope
  {
    auto model = pool.acquire();  // the first one creates an instance
    model->uses += 1;
  }  // back to the pool
  // endregion: scope
  show("after a scope", pool);
}

void end_early(Pool& pool) {
  // region: release
  auto model = pool.acquire();
  model->uses += 1;
  model.release();  // back to the pool now; `model` is empty
  // endregion: release
  show("after release()", pool);
}

void destroy_instances(Pool& pool) {
  // region: destroy
  auto broken = pool.acquire();
  broken.destroy();  // it is not trusted any more: gone, and its place is free

  auto once = pool.acquire({.destroy_after_use = true});
  once->uses += 1;
  once.release();  // destroyed, because it was asked for so
  // endregion: destroy
  show("after destroy()", pool);
}

void take_out(Pool& pool) {
  // region: detach
  auto lease = pool.acquire();
  std::unique_ptr<Model> mine = lease.detach();  // the pool forgets it, and may create another one
  // endregion: detach
  mine->uses += 1;
  show("after detach()", pool);
}

void store_in_a_member() {
  // region: member
  class Worker {
   public:
    explicit Worker(Pool& pool) : model_(pool.acquire()) {}  // held as long as the worker lives
    int run() { return ++model_->uses; }

   private:
    modelpool::Lease<Model> model_;  // move-only, and so is the worker
  };
  // endregion: member
  Pool pool{[] { return std::make_unique<Model>(); }, {.max_size = 1}};
  Worker worker{pool};
  std::printf("a worker with a lease of its own ran %d time\n", worker.run());
}

void wait_with_a_deadline(Pool& pool) {
  // region: deadline
  std::vector<modelpool::Lease<Model>> all;
  while (auto lease = pool.try_acquire()) all.push_back(std::move(*lease));  // never waits, never creates
  std::jthread other{[&pool] {
    try {
      auto model = pool.acquire({.timeout = 20ms});
    } catch (const modelpool::AcquireTimeout& error) {
      std::printf("%s\n", error.what());
    }
  }};
  // endregion: deadline
}

void stop_waiting(Pool& pool) {
  // region: stop
  auto held = pool.acquire();
  auto also_held = pool.acquire();
  std::jthread waiting{[&pool](std::stop_token stop) {
    try {
      auto model = pool.acquire({.timeout = std::nullopt, .stop = stop});  // for ever, or until told to stop
    } catch (const modelpool::Cancelled& error) {
      std::printf("%s\n", error.what());
    }
  }};
  waiting.request_stop();
  // endregion: stop
}

void hold_all(Pool& pool) {
  // region: exclusive
  {
    auto all = pool.acquire_exclusive({.timeout = 5s});  // waits until every lease is back; no newcomer passes
    auto model = pool.acquire();                         // this thread may still lease
    model->uses += 1;
  }
  const bool free = pool.wait_available(1, 1s);  // until less than one instance is leased: nobody works
  // endregion: exclusive
  std::printf("after exclusive access: %s\n", free ? "nobody works" : "busy");
}

void fail_inside(Pool& pool) {
  // region: exception
  try {
    auto model = pool.acquire();
    throw std::runtime_error("the model answered nonsense");
  } catch (const std::runtime_error&) {
    // The lease saw its scope end by an exception: the instance is not trusted and was destroyed.
  }
  // endregion: exception
  show("after an exception", pool);
}

}  // namespace

int main() {
  Pool pool{[] { return std::make_unique<Model>(); }, {.max_size = 2, .name = "demo"}};
  end_with_the_scope(pool);
  end_early(pool);
  destroy_instances(pool);
  take_out(pool);
  store_in_a_member();
  pool.warm_up(2);
  wait_with_a_deadline(pool);
  stop_waiting(pool);
  hold_all(pool);
  fail_inside(pool);
}
