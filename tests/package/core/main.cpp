// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <memory>
#include <modelpool/pool/model_pool.hpp>
#include <modelpool/settings.hpp>

int lease_once(modelpool::ModelPool<int>& pool);

int main() {
  modelpool::ModelPool<int> pool{[] { return std::make_unique<int>(42); }, {.max_size = 2}};
  const int leased = lease_once(pool);
  std::printf("leased %d, created %llu\n", leased, static_cast<unsigned long long>(pool.stats().created));
  return leased == 42 && modelpool::Settings{}.model_pool_max_instances == 2 ? 0 : 1;
}
