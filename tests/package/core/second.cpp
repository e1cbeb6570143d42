// SPDX-License-Identifier: Apache-2.0
// A second translation unit with the same header: the definitions in it must not clash.
#include <modelpool/pool/model_pool.hpp>

int lease_once(modelpool::ModelPool<int>& pool) { return *pool.acquire(); }
