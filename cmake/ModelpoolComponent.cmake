# SPDX-License-Identifier: Apache-2.0
# A component is one library that users link (modelpool::<name>) and ask for in find_package(COMPONENTS).
#
# modelpool_add_component(<name> [PUBLIC dependency ...] [PRIVATE dependency ...])
#   makes the target modelpool_<name>; folders add to it with modelpool_component_sources.
# modelpool_component_sources(<name> HEADERS public header ... SOURCES file ...)
#   headers relative to include/, sources to the calling folder.
include(GNUInstallDirs)
set_property(GLOBAL PROPERTY MODELPOOL_COMPONENTS "")

function(modelpool_add_component name)
  cmake_parse_arguments(arg "" "" "PUBLIC;PRIVATE" ${ARGN})
  set(target modelpool_${name})
  add_library(${target})
  add_library(modelpool::${name} ALIAS ${target})
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_link_libraries(${target} PUBLIC ${arg_PUBLIC} PRIVATE ${arg_PRIVATE} $<BUILD_INTERFACE:modelpool_build_flags>)
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/src")
  target_sources(${target} PUBLIC FILE_SET HEADERS BASE_DIRS "${PROJECT_SOURCE_DIR}/include")
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON VERIFY_INTERFACE_HEADER_SETS ON
                                             VERSION ${PROJECT_VERSION} SOVERSION 0.1)
  set_property(GLOBAL APPEND PROPERTY MODELPOOL_COMPONENTS ${name})
endfunction()

function(modelpool_component_sources name)
  cmake_parse_arguments(arg "" "" "HEADERS;SOURCES" ${ARGN})
  list(TRANSFORM arg_HEADERS PREPEND "${PROJECT_SOURCE_DIR}/include/")
  list(TRANSFORM arg_SOURCES PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/")
  target_sources(modelpool_${name} PRIVATE ${arg_SOURCES} PUBLIC FILE_SET HEADERS FILES ${arg_HEADERS})
endfunction()
