# SPDX-License-Identifier: Apache-2.0
# Finds LibTorch (a LibTorch archive, or the torch package of a Python) and imports what a CPU needs of it.
#
# find_package(Torch) of a CUDA build of LibTorch insists on a CUDA toolkit, so the libraries are imported by hand.
#
# In:  MODELPOOL_TORCH_ROOT, else Torch_DIR, CMAKE_PREFIX_PATH, the torch package of python3
# Out: modelpool::libtorch (c10, torch_cpu), ModelpoolTorch_VERSION, ModelpoolTorch_ROOT
#      modelpool::libtorch_cuda where ModelpoolTorch_ROOT/lib has the CUDA libraries
include("${CMAKE_CURRENT_LIST_DIR}/ModelpoolFindTorchRoot.cmake")
modelpool_find_torch_root(ModelpoolTorch_ROOT ModelpoolTorch_VERSION _rejected "${ModelpoolTorch_FIND_VERSION}")

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(ModelpoolTorch
  REQUIRED_VARS ModelpoolTorch_ROOT
  REASON_FAILURE_MESSAGE "no usable LibTorch >= ${MODELPOOL_TORCH_OLDEST} was found.${_rejected}
  Give its folder: -DMODELPOOL_TORCH_ROOT=/path/to/libtorch (the folder with include/ and lib/), or
  python3 -m pip install torch, or let the build fetch it: cmake --workflow --preset test")

if(ModelpoolTorch_FOUND AND NOT TARGET modelpool::libtorch)
  # LibTorch's include folder also carries fmt, protobuf and others in versions of their own, which would hide the
  # system's: only what is LibTorch's is shown to the compiler.
  set(_include "${CMAKE_BINARY_DIR}/libtorch-include")
  file(MAKE_DIRECTORY "${_include}")
  foreach(_folder ATen c10 caffe2 torch)
    file(CREATE_LINK "${ModelpoolTorch_ROOT}/include/${_folder}" "${_include}/${_folder}" SYMBOLIC)
  endforeach()
  add_library(modelpool::libtorch INTERFACE IMPORTED)
  foreach(_lib c10 torch_cpu)
    add_library(modelpool::libtorch_${_lib} SHARED IMPORTED)
    set_target_properties(modelpool::libtorch_${_lib} PROPERTIES
      IMPORTED_LOCATION "${ModelpoolTorch_ROOT}/lib/lib${_lib}.so"
      INTERFACE_INCLUDE_DIRECTORIES "${_include}")
    target_link_libraries(modelpool::libtorch INTERFACE modelpool::libtorch_${_lib})
  endforeach()
  # libtorch_cpu registers its operators when it is loaded, so it must stay although the linker sees no symbol used;
  # its own needs (cudart, cupti) are found through its RPATH when the program starts.
  target_link_options(modelpool::libtorch INTERFACE "LINKER:--no-as-needed" "LINKER:--allow-shlib-undefined")
  if(EXISTS "${ModelpoolTorch_ROOT}/lib/libtorch_cuda.so" AND EXISTS "${ModelpoolTorch_ROOT}/lib/libc10_cuda.so")
    add_library(modelpool::libtorch_cuda INTERFACE IMPORTED)
    target_link_libraries(modelpool::libtorch_cuda INTERFACE modelpool::libtorch
      "${ModelpoolTorch_ROOT}/lib/libc10_cuda.so" "${ModelpoolTorch_ROOT}/lib/libtorch_cuda.so")
  endif()
endif()
