# SPDX-License-Identifier: Apache-2.0
# modelpool_add_test(<name> SOURCES file ... [LIBRARIES target ...] [LABELS label ...] [TIMEOUT seconds])
#   one Catch2 program; each of its test cases becomes one CTest test.
include(Catch)

# Catch2 2 and 3 name their main library differently; tests include "support/catch.hpp", which serves both.
add_library(modelpool_test_main STATIC "${PROJECT_SOURCE_DIR}/tests/support/main.cpp")
target_link_libraries(modelpool_test_main PUBLIC modelpool_build_flags)
target_include_directories(modelpool_test_main PUBLIC "${PROJECT_SOURCE_DIR}/tests" "${PROJECT_SOURCE_DIR}/src")
if(Catch2_VERSION VERSION_GREATER_EQUAL 3)
  target_link_libraries(modelpool_test_main PUBLIC Catch2::Catch2)
  target_compile_definitions(modelpool_test_main PUBLIC MODELPOOL_TEST_CATCH2_V3)
else()
  target_link_libraries(modelpool_test_main PUBLIC Catch2::Catch2)
endif()

# A property of every test, or nothing.
set(MODELPOOL_TEST_ENVIRONMENT "")
if(MODELPOOL_SANITIZE MATCHES "thread")
  set(MODELPOOL_TEST_ENVIRONMENT ENVIRONMENT "TSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/support/tsan_suppressions.txt")
endif()

function(modelpool_add_test name)
  cmake_parse_arguments(arg "" "TIMEOUT" "SOURCES;LIBRARIES;LABELS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE modelpool_test_main ${arg_LIBRARIES})
  target_compile_definitions(${name} PRIVATE MODELPOOL_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data")
  set(timeout 120)
  if(arg_TIMEOUT)
    set(timeout ${arg_TIMEOUT})
  endif()
  catch_discover_tests(${name} TEST_PREFIX "${name}: " PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${timeout} ${MODELPOOL_TEST_ENVIRONMENT}
                       DISCOVERY_TIMEOUT 60)
endfunction()
