# SPDX-License-Identifier: Apache-2.0
# Installs every component with an export set of its own, and the package that finds them.
include(CMakePackageConfigHelpers)

set(_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/modelpool")
get_property(_components GLOBAL PROPERTY MODELPOOL_COMPONENTS)
foreach(_component IN LISTS _components)
  install(TARGETS modelpool_${_component} EXPORT modelpool-${_component}
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    FILE_SET HEADERS DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
  install(EXPORT modelpool-${_component} NAMESPACE modelpool:: FILE modelpool-${_component}-targets.cmake DESTINATION "${_package_dir}")
endforeach()

string(REGEX MATCH "^[0-9]+\\.[0-9]+" MODELPOOL_BUILT_AGAINST_TORCH "${ModelpoolTorch_VERSION}")
set(MODELPOOL_BUILT_COMPONENTS "${_components}")
configure_package_config_file(cmake/modelpoolConfig.cmake.in modelpoolConfig.cmake INSTALL_DESTINATION "${_package_dir}")
write_basic_package_version_file(modelpoolConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/modelpoolConfig.cmake" "${CMAKE_CURRENT_BINARY_DIR}/modelpoolConfigVersion.cmake"
  cmake/FindModelpoolOpenMP.cmake cmake/FindModelpoolTorch.cmake cmake/ModelpoolFindTorchRoot.cmake DESTINATION "${_package_dir}")
install(FILES LICENSE DESTINATION "${CMAKE_INSTALL_DOCDIR}")
