# SPDX-License-Identifier: Apache-2.0
# moodycamel's concurrentqueue, headers only. Debian's package has no CMake configuration and puts them into
# concurrentqueue/, later ones and upstream's install into concurrentqueue/moodycamel/.
# Out: modelpool::concurrentqueue, for #include <blockingconcurrentqueue.h>
include(FindPackageHandleStandardArgs)
find_path(CONCURRENTQUEUE_INCLUDE_DIR blockingconcurrentqueue.h
          PATH_SUFFIXES concurrentqueue concurrentqueue/moodycamel moodycamel)
mark_as_advanced(CONCURRENTQUEUE_INCLUDE_DIR)
find_package_handle_standard_args(Concurrentqueue REQUIRED_VARS CONCURRENTQUEUE_INCLUDE_DIR)
if(Concurrentqueue_FOUND AND NOT TARGET modelpool::concurrentqueue)
  add_library(modelpool::concurrentqueue INTERFACE IMPORTED)
  target_include_directories(modelpool::concurrentqueue SYSTEM INTERFACE "${CONCURRENTQUEUE_INCLUDE_DIR}")
endif()
