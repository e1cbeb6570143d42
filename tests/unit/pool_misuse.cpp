// SPDX-License-Identifier: Apache-2.0
// Mistakes with leases that must not compile (see CMakeLists.txt): each under its own macro; without one the file is right.
#include <memory>
#include <utility>

#include "modelpool/pool/model_pool.hpp"

struct Engine {
  int runs = 0;
};
using Pool = modelpool::ModelPool<Engine>;

int use(Pool& pool) {
  auto lease = pool.acquire();
  auto all = std::move(lease);
#if defined(MISUSE_COPY_LEASE)
  modelpool::Lease<Engine> copy = all;
#elif defined(MISUSE_ASSIGN_LEASE)
  lease = all;
#elif defined(MISUSE_DISCARD_ACQUIRE)
  pool.acquire();
#elif defined(MISUSE_DISCARD_TRY_ACQUIRE)
  pool.try_acquire();
#elif defined(MISUSE_DISCARD_EXCLUSIVE)
  pool.acquire_exclusive();
#elif defined(MISUSE_COPY_EXCLUSIVE)
  auto exclusive = pool.acquire_exclusive();
  auto copy = exclusive;
#elif defined(MISUSE_COPY_POOL)
  Pool copy = pool;
#elif defined(MISUSE_MOVE_POOL)
  Pool moved = std::move(pool);
#elif defined(MISUSE_MAKE_LEASE)
  modelpool::Lease<Engine> made({}, modelpool::detail::Granted{}, false);
#elif defined(MISUSE_OTHER_TYPE)
  modelpool::Lease<int> other = std::move(all);
#endif
  return all->runs;
}
