# SPDX-License-Identifier: Apache-2.0
# OpenMP by the compiler's own switch (-fopenmp, also when linking), not by the path of libgomp: LibTorch brings a
# libgomp of its own, which is the one that the process then uses, and a path would put both folders on the search path.
# Out: modelpool::openmp
include(FindPackageHandleStandardArgs)
find_package(OpenMP QUIET COMPONENTS CXX)
find_package_handle_standard_args(ModelpoolOpenMP
  REASON_FAILURE_MESSAGE "the compiler ${CMAKE_CXX_COMPILER} has no OpenMP. g++ has it by itself, clang with: sudo apt-get install libomp-dev"
  REQUIRED_VARS OpenMP_CXX_FLAGS)
if(ModelpoolOpenMP_FOUND AND NOT TARGET modelpool::openmp)
  add_library(modelpool::openmp INTERFACE IMPORTED)
  separate_arguments(_modelpool_openmp_flags NATIVE_COMMAND "${OpenMP_CXX_FLAGS}")
  set_target_properties(modelpool::openmp PROPERTIES
    INTERFACE_COMPILE_OPTIONS "$<$<COMPILE_LANGUAGE:CXX>:${_modelpool_openmp_flags}>"
    INTERFACE_LINK_OPTIONS "${_modelpool_openmp_flags}")
endif()
