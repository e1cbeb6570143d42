# SPDX-License-Identifier: Apache-2.0
# modelpool_add_test(<name> SOURCES file ... [LIBRARIES target ...] [LABELS label ...] [TIMEOUT seconds])
#   one Catch2 program; each of its test cases becomes one CTest test.
include(Catch)

# Catch2 2 and 3 name their main library differently; tests include "support/catch.hpp", which serves both.
add_library(modelpool_test_main STATIC "${PROJECT_SOURCE_DIR}/tests/support/main.cpp" "${PROJECT_SOURCE_DIR}/tests/support/precompiled.cpp")
target_link_libraries(modelpool_test_main PUBLIC modelpool_build_flags)
target_include_directories(modelpool_test_main PUBLIC "${PROJECT_SOURCE_DIR}/tests" "${PROJECT_SOURCE_DIR}/src")
if(Catch2_VERSION VERSION_GREATER_EQUAL 3)
  target_link_libraries(modelpool_test_main PUBLIC Catch2::Catch2)
  target_compile_definitions(modelpool_test_main PUBLIC MODELPOOL_TEST_CATCH2_V3)
else()
  target_link_libraries(modelpool_test_main PUBLIC Catch2::Catch2)
endif()

# Tests are compiled often and run for seconds: what every one of them includes is compiled once for all, and the optimiser
# does only what is cheap. What they test is compiled as its users get it.
target_compile_options(modelpool_test_main PUBLIC $<$<NOT:$<CONFIG:Debug>>:-O1>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # False alarms about std::string + "literal": https://gcc.gnu.org/bugzilla/show_bug.cgi?id=105329
  target_compile_options(modelpool_test_main PUBLIC -Wno-array-bounds -Wno-stringop-overflow)
endif()
target_precompile_headers(modelpool_test_main PRIVATE "${PROJECT_SOURCE_DIR}/tests/support/precompiled.hpp")
set_source_files_properties("${PROJECT_SOURCE_DIR}/tests/support/main.cpp" PROPERTIES SKIP_PRECOMPILE_HEADERS ON)  # it makes Catch2's own code

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
  if(NOT arg_LIBRARIES MATCHES "openmp")  # a switch of the compiler: the header would have to be compiled with it
    target_precompile_headers(${name} REUSE_FROM modelpool_test_main)
  endif()
  set(timeout 120)
  if(arg_TIMEOUT)
    set(timeout ${arg_TIMEOUT})
  endif()
  catch_discover_tests(${name} TEST_PREFIX "${name}: " PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${timeout} ${MODELPOOL_TEST_ENVIRONMENT}
                       DISCOVERY_TIMEOUT 60)
endfunction()
