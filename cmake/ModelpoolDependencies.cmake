# SPDX-License-Identifier: Apache-2.0
# Finds what the chosen parts need. Each missing package is named with the command that installs it.

# modelpool_require(PACKAGE <name> DEBIAN <package> [ARGS ...]): find_package, or an error that says how to get it.
macro(modelpool_require)
  cmake_parse_arguments(_require "" "PACKAGE;DEBIAN" "ARGS" ${ARGN})
  find_package(${_require_PACKAGE} ${_require_ARGS} QUIET)
  if(NOT ${_require_PACKAGE}_FOUND)
    message(FATAL_ERROR "${_require_PACKAGE} was not found. On Debian and Ubuntu:\n  sudo apt-get install ${_require_DEBIAN}\n"
                        "or let the build install everything it needs: cmake --workflow --preset test")
  endif()
endmacro()

modelpool_require(PACKAGE Threads DEBIAN libc6-dev)
modelpool_require(PACKAGE fmt DEBIAN libfmt-dev ARGS CONFIG)
modelpool_require(PACKAGE nlohmann_json DEBIAN nlohmann-json3-dev ARGS CONFIG)
if(MODELPOOL_MODELS)
  modelpool_require(PACKAGE spdlog DEBIAN libspdlog-dev ARGS CONFIG)
  find_package(ModelpoolTorch REQUIRED)
  find_package(ModelpoolOpenMP REQUIRED)
endif()
if(MODELPOOL_TESTS)
  modelpool_require(PACKAGE Catch2 DEBIAN catch2 ARGS CONFIG)
endif()
if(MODELPOOL_BENCHMARKS)  # the pools that ours is compared with; nothing else of the project uses them
  modelpool_require(PACKAGE TBB DEBIAN libtbb-dev ARGS CONFIG)
  modelpool_require(PACKAGE Concurrentqueue DEBIAN libconcurrentqueue-dev)
endif()
