# SPDX-License-Identifier: Apache-2.0
# The target `demo`: three questions in plain words, answered by passages of this project's documentation, found by the
# real all-MiniLM-L6-v2 through a pool of leases.
set(MODELPOOL_MINILM_DIR "" CACHE PATH "Folder of the real all-MiniLM-L6-v2, for the demo and the tests")

if(NOT MODELPOOL_MINILM_DIR)
  add_custom_target(demo
    COMMAND ${CMAKE_COMMAND} -E echo "The demo needs a model folder: -DMODELPOOL_MINILM_DIR=/path/to/all-MiniLM-L6-v2, or cmake --workflow --preset demo, which fetches it"
    COMMAND ${CMAKE_COMMAND} -E false VERBATIM)
  return()
endif()

file(RELATIVE_PATH _program "${PROJECT_SOURCE_DIR}" "${PROJECT_BINARY_DIR}/modelpool")
add_custom_target(demo
  COMMAND ${CMAKE_COMMAND} -E echo
  COMMAND modelpool_cli search --model "${MODELPOOL_MINILM_DIR}" --index docs README.md --top-k 1 --
    "What happens when a thread keeps a model for too long?"
    "How much memory do thirty callers cost?"
    "Who gets the next free instance when several threads are waiting?"
  COMMAND ${CMAKE_COMMAND} -E echo
  COMMAND ${CMAKE_COMMAND} -E echo "Ask your own:"
  COMMAND ${CMAKE_COMMAND} -E echo "  ${_program} search --model ${MODELPOOL_MINILM_DIR} --index docs README.md -- \"your question\""
  WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
  DEPENDS modelpool_cli
  COMMENT "Three questions in plain words, answered by passages of this documentation"
  USES_TERMINAL VERBATIM)
