# SPDX-License-Identifier: Apache-2.0
# Finds LibTorch (a LibTorch archive, or the torch package of a Python) and imports what a CPU needs of it.
#
# find_package(Torch) of a CUDA build of LibTorch insists on a CUDA toolkit, so the libraries are imported by hand.
#
# In:  MODELPOOL_TORCH_ROOT, else Torch_DIR, CMAKE_PREFIX_PATH, the torch package of python3
# Out: modelpool::libtorch (c10, torch_cpu), ModelpoolTorch_VERSION, ModelpoolTorch_ROOT
#      modelpool::libtorch_cuda where ModelpoolTorch_ROOT/lib has the CUDA libraries
set(_oldest 2.11)

function(_modelpool_torch_version root out)
  set(${out} "" PARENT_SCOPE)
  foreach(file "${root}/include/torch/csrc/api/include/torch/version.h" "${root}/include/torch/headeronly/version.h")
    if(EXISTS "${file}")
      file(STRINGS "${file}" lines REGEX "#define TORCH_VERSION_(MAJOR|MINOR|PATCH) [0-9]+")
      string(REGEX REPLACE ".*MAJOR ([0-9]+).*MINOR ([0-9]+).*PATCH ([0-9]+).*" "\\1.\\2.\\3" version "${lines}")
      if(version MATCHES "^[0-9.]+$")
        set(${out} "${version}" PARENT_SCOPE)
        return()
      endif()
    endif()
  endforeach()
endfunction()

set(_candidates "")
if(MODELPOOL_TORCH_ROOT)
  list(APPEND _candidates "${MODELPOOL_TORCH_ROOT}")
else()
  if(Torch_DIR)
    get_filename_component(_root "${Torch_DIR}/../../.." ABSOLUTE)
    list(APPEND _candidates "${_root}")
  endif()
  foreach(_prefix IN LISTS CMAKE_PREFIX_PATH)
    list(APPEND _candidates "${_prefix}")
  endforeach()
  find_program(_modelpool_python3 python3)
  mark_as_advanced(_modelpool_python3)
  if(_modelpool_python3)
    execute_process(
      COMMAND "${_modelpool_python3}" -c "import importlib.util as u; s = u.find_spec('torch'); print(list(s.submodule_search_locations)[0] if s else '')"
      OUTPUT_VARIABLE _root OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    if(_root)
      list(APPEND _candidates "${_root}")
    endif()
  endif()
endif()

set(ModelpoolTorch_ROOT "")
set(_rejected "")
foreach(_root IN LISTS _candidates)
  if(NOT EXISTS "${_root}/lib/libtorch_cpu.so")
    continue()
  endif()
  _modelpool_torch_version("${_root}" _version)
  if(_version VERSION_LESS _oldest)
    string(APPEND _rejected "\n  ${_root} is LibTorch ${_version}, older than ${_oldest}")
    continue()
  endif()
  if(ModelpoolTorch_FIND_VERSION AND NOT _version MATCHES "^${ModelpoolTorch_FIND_VERSION_MAJOR}\\.${ModelpoolTorch_FIND_VERSION_MINOR}\\.")
    string(APPEND _rejected "\n  ${_root} is LibTorch ${_version}, but ${ModelpoolTorch_FIND_VERSION_MAJOR}.${ModelpoolTorch_FIND_VERSION_MINOR}.* is needed (its binary interface changes with each minor version)")
    continue()
  endif()
  set(ModelpoolTorch_ROOT "${_root}")
  set(ModelpoolTorch_VERSION "${_version}")
  break()
endforeach()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(ModelpoolTorch
  REQUIRED_VARS ModelpoolTorch_ROOT
  REASON_FAILURE_MESSAGE "no usable LibTorch >= ${_oldest} was found.${_rejected}
  Give its folder: -DMODELPOOL_TORCH_ROOT=/path/to/libtorch (the folder with include/ and lib/), or
  python3 -m pip install torch, or let the build fetch it: cmake --workflow --preset test")

if(ModelpoolTorch_FOUND AND NOT TARGET modelpool::libtorch)
  set(_include "${ModelpoolTorch_ROOT}/include")
  add_library(modelpool::libtorch INTERFACE IMPORTED)
  foreach(_lib c10 torch_cpu)
    add_library(modelpool::libtorch_${_lib} SHARED IMPORTED)
    set_target_properties(modelpool::libtorch_${_lib} PROPERTIES
      IMPORTED_LOCATION "${ModelpoolTorch_ROOT}/lib/lib${_lib}.so"
      INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${_include};${_include}/torch/csrc/api/include")
    target_link_libraries(modelpool::libtorch INTERFACE modelpool::libtorch_${_lib})
  endforeach()
  # libtorch_cpu registers its operators when it is loaded, so it must stay although the linker sees no symbol used;
  # its own needs (cudart, cupti) are found through its RPATH when the program starts, or not at all.
  target_link_options(modelpool::libtorch INTERFACE "LINKER:--no-as-needed" "LINKER:--allow-shlib-undefined")
  if(EXISTS "${ModelpoolTorch_ROOT}/lib/libtorch_cuda.so" AND EXISTS "${ModelpoolTorch_ROOT}/lib/libc10_cuda.so")
    add_library(modelpool::libtorch_cuda INTERFACE IMPORTED)
    target_link_libraries(modelpool::libtorch_cuda INTERFACE modelpool::libtorch
      "${ModelpoolTorch_ROOT}/lib/libc10_cuda.so" "${ModelpoolTorch_ROOT}/lib/libtorch_cuda.so")
  endif()
endif()
