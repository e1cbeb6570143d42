// SPDX-License-Identifier: Apache-2.0
#include "modelpool/version.hpp"

namespace modelpool {

std::string_view version() noexcept { return MODELPOOL_VERSION; }

}  // namespace modelpool
