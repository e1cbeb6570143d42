# SPDX-License-Identifier: Apache-2.0
# Every switch of the build. A part whose dependencies are missing is an error when its switch is ON.

option(MODELPOOL_TOKENIZERS "Build the tokenizers (nlohmann_json)" ON)
option(MODELPOOL_MODELS "Build models, managers and the command line (LibTorch, spdlog, CLI11)" ON)
option(MODELPOOL_CLI "Build the command line" ${PROJECT_IS_TOP_LEVEL})
option(MODELPOOL_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(MODELPOOL_EXAMPLES "Build the examples" ${PROJECT_IS_TOP_LEVEL})
option(MODELPOOL_BENCHMARKS "Build the benchmarks" OFF)
option(MODELPOOL_FUZZ "Build the fuzzers (clang)" OFF)
option(MODELPOOL_INSTALL "Make the install target and the package" ${PROJECT_IS_TOP_LEVEL})
option(MODELPOOL_WERROR "Warnings are errors" OFF)
set(MODELPOOL_CUDA AUTO CACHE STRING "Build modelpool_cuda: ON, OFF, or AUTO where the toolkit and LibTorch's CUDA libraries are")
set_property(CACHE MODELPOOL_CUDA PROPERTY STRINGS AUTO ON OFF)
set(MODELPOOL_SANITIZE "" CACHE STRING "Sanitizers for -fsanitize=, for example address,undefined")
set(MODELPOOL_TORCH_ROOT "" CACHE PATH "LibTorch: the folder that holds include/ and lib/ (a LibTorch archive, or site-packages/torch)")

if(MODELPOOL_MODELS AND NOT MODELPOOL_TOKENIZERS)
  message(FATAL_ERROR "MODELPOOL_MODELS=ON needs MODELPOOL_TOKENIZERS=ON: turn both on, or models off with -DMODELPOOL_MODELS=OFF")
endif()

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES AND PROJECT_IS_TOP_LEVEL)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

if(PROJECT_IS_TOP_LEVEL)
  find_program(MODELPOOL_CCACHE ccache)
  mark_as_advanced(MODELPOOL_CCACHE)
  if(MODELPOOL_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER "${MODELPOOL_CCACHE}")
  endif()
endif()

# What every target of this project compiles with; none of it reaches its users.
add_library(modelpool_build_flags INTERFACE)
target_compile_features(modelpool_build_flags INTERFACE cxx_std_20)
target_compile_options(modelpool_build_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # False alarms about "literal" + std::string: https://gcc.gnu.org/bugzilla/show_bug.cgi?id=105651
  target_compile_options(modelpool_build_flags INTERFACE -Wno-restrict)
endif()
if(MODELPOOL_WERROR)
  target_compile_options(modelpool_build_flags INTERFACE -Werror)
endif()
if(MODELPOOL_SANITIZE)
  target_compile_options(modelpool_build_flags INTERFACE -fsanitize=${MODELPOOL_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(modelpool_build_flags INTERFACE -fsanitize=${MODELPOOL_SANITIZE})
endif()
