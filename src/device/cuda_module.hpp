// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cuda/interface.hpp"

namespace modelpool::detail {

/// The module modelpool_cuda, opened once for the process where a driver is installed, and never closed.
struct CudaModule {
  const CudaInterface* interface = nullptr;  ///< null where it cannot be used
  int device_count = 0;
  std::string missing_reason;  ///< a clause for messages; empty where device_count > 0
};

/// Thread safety: any number of threads. The first call opens the module.
[[nodiscard]] const CudaModule& cuda_module() noexcept;

}  // namespace modelpool::detail
