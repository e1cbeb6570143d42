// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The core's definitions, for those who instantiate it: src/pool/pool_core.cpp for the real platform, tests for a simulated
/// one. Programs do not need this header.
#include "modelpool/pool/detail/pool_core_acquire_impl.hpp"
#include "modelpool/pool/detail/pool_core_control_impl.hpp"
#include "modelpool/pool/detail/pool_core_rules_impl.hpp"
#include "modelpool/pool/detail/pool_core_threads_impl.hpp"
