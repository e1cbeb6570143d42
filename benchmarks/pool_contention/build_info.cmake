# SPDX-License-Identifier: Apache-2.0
cmake_minimum_required(VERSION 3.25)
# Writes OUTPUT, a header that says what was built. Left alone when nothing changed, so that nothing is compiled again.
execute_process(COMMAND git -C "${SOURCE}" describe --always --dirty --abbrev=12 --exclude=*
                OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT commit)
  set(commit "unknown")
endif()
# The header has no version macro; the package knows.
execute_process(COMMAND dpkg-query -W "-f=\${Version}" libconcurrentqueue-dev
                OUTPUT_VARIABLE concurrentqueue OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT concurrentqueue)
  set(concurrentqueue "of unknown version")
endif()
file(CONFIGURE OUTPUT "${OUTPUT}" CONTENT "// SPDX-License-Identifier: Apache-2.0
#pragma once
namespace pool_contention::build_info {
inline constexpr const char* kCommit = \"${commit}\";
inline constexpr const char* kBuildType = \"${BUILD_TYPE}\";
inline constexpr const char* kConcurrentqueue = \"${concurrentqueue}\";
}  // namespace pool_contention::build_info
" @ONLY)
