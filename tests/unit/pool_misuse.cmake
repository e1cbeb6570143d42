# SPDX-License-Identifier: Apache-2.0
# Programs that misuse leases must be refused by the compiler, and for the right reason.
set(misuse_command ${CMAKE_CXX_COMPILER} -std=c++20 -fsyntax-only -Wall -Wextra -Werror -I "${PROJECT_SOURCE_DIR}/include"
                   "${CMAKE_CURRENT_LIST_DIR}/pool_misuse.cpp")
add_test(NAME "misuse: a program that uses leases as intended compiles" COMMAND ${misuse_command})
set_tests_properties("misuse: a program that uses leases as intended compiles" PROPERTIES LABELS unit)

function(modelpool_add_misuse macro expected sentence)
  set(name "misuse: ${sentence}")
  add_test(NAME "${name}" COMMAND ${misuse_command} -D${macro})
  set_tests_properties("${name}" PROPERTIES LABELS unit ENVIRONMENT LC_ALL=C PASS_REGULAR_EXPRESSION "error: [^\n]*${expected}")
endfunction()

modelpool_add_misuse(MISUSE_COPY_LEASE "deleted" "a lease cannot be copied")
modelpool_add_misuse(MISUSE_ASSIGN_LEASE "deleted" "a lease cannot be assigned from another that goes on")
modelpool_add_misuse(MISUSE_DISCARD_ACQUIRE "ignoring return" "a lease that nobody keeps is an error with -Werror")
modelpool_add_misuse(MISUSE_DISCARD_TRY_ACQUIRE "ignoring return" "the result of try_acquire must be looked at")
modelpool_add_misuse(MISUSE_DISCARD_EXCLUSIVE "ignoring return" "exclusive access that nobody keeps is an error with -Werror")
modelpool_add_misuse(MISUSE_COPY_EXCLUSIVE "deleted" "an exclusive lease cannot be copied")
modelpool_add_misuse(MISUSE_COPY_POOL "deleted" "a pool cannot be copied")
modelpool_add_misuse(MISUSE_MOVE_POOL "deleted" "a pool cannot be moved away from its leases")
modelpool_add_misuse(MISUSE_MAKE_LEASE "(explicit constructor|no matching constructor)" "a lease cannot be made without its pool")
modelpool_add_misuse(MISUSE_OTHER_TYPE "(conversion|convert)" "a lease cannot change its type")
