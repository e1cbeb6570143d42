// SPDX-License-Identifier: Apache-2.0
// One test header for Catch2 2 (Debian 12) and 3.
#pragma once

#ifdef MODELPOOL_TEST_CATCH2_V3
#include <catch2/catch_all.hpp>
using Catch::Approx;
#else
#include <catch2/catch.hpp>
#endif

// Catch2 2 has no SKIP: the reason is printed and the case ends without having failed.
#ifndef SKIP
#define SKIP(reason)             \
  do {                           \
    WARN("skipped: " << reason); \
    SUCCEED("skipped");          \
    return;                      \
  } while (false)
#endif
