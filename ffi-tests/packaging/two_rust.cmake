# Can a program hold this library and another static library that is written in Rust? Both have Rust's standard library
# inside. The recipe of docs/PACKAGING.md: one object that shows the functions of the header alone.
file(REMOVE_RECURSE "${WORK_DIR}")
file(MAKE_DIRECTORY "${WORK_DIR}")
file(WRITE "${WORK_DIR}/other.rs" "
#[no_mangle]
pub extern \"C\" fn other_sum(count: u32) -> u32 {
    let numbers: std::collections::HashSet<u32> = (0..count).collect();
    std::panic::catch_unwind(|| numbers.iter().sum()).unwrap_or(0)
}
")
file(WRITE "${WORK_DIR}/program.c" "
#include <ironwal.h>
#include <stdio.h>
unsigned other_sum(unsigned count);
int main(void) {
    printf(\"%u, ironwal %s\\n\", other_sum(7), ironwal_version_string());
    return 0;
}
")
separate_arguments(native UNIX_COMMAND "${NATIVE}")

function(run)
    execute_process(COMMAND ${ARGN} WORKING_DIRECTORY "${WORK_DIR}" RESULT_VARIABLE result
                    OUTPUT_VARIABLE output ERROR_VARIABLE errors)
    if(NOT result EQUAL 0)
        string(REPLACE ";" " " command "${ARGN}")
        message(FATAL_ERROR "${command}: ${result}\n${output}\n${errors}")
    endif()
    set(output "${output}" PARENT_SCOPE)
endfunction()

run("${RUSTC}" --edition 2021 -O --crate-type staticlib other.rs -o libother.a)

# The functions of the header, and the one thing that all Rust libraries of a program may share.
file(STRINGS "${MAP}" lines REGEX "^ +ironwal_[a-z0-9_]+;$")
set(names "DW.ref.rust_eh_personality\n")
foreach(line IN LISTS lines)
    string(REGEX REPLACE "[ ;]" "" name "${line}")
    string(APPEND names "${name}\n")
endforeach()
file(WRITE "${WORK_DIR}/names" "${names}")
run("${LD}" -r --whole-archive "${ARCHIVE}" -o ironwal.o)
run("${OBJCOPY}" --strip-debug --keep-global-symbols=names ironwal.o)

# try(NAME LIBRARIES...): the program links and works.
function(try name)
    run("${CC}" "-I${INCLUDE}" program.c ${ARGN} ${native} -o "${name}")
    run("${WORK_DIR}/${name}")
    if(NOT output STREQUAL "21, ironwal ${VERSION}\n")
        message(FATAL_ERROR "${name} printed ${output}")
    endif()
    message(STATUS "works: ${name}")
endfunction()
# Of the same compiler, the archives link as they are, in either order.
try(as_they_are "${ARCHIVE}" libother.a)
try(other_first libother.a "${ARCHIVE}")
try(one_object ironwal.o libother.a)
try(one_object_last libother.a ironwal.o)
try(all_of_the_other ironwal.o -Wl,--whole-archive libother.a -Wl,--no-whole-archive)

# The case that the recipe is for: without it, every symbol of the standard library is there twice.
execute_process(COMMAND "${CC}" "-I${INCLUDE}" program.c -Wl,--whole-archive "${ARCHIVE}" libother.a -Wl,--no-whole-archive
                        ${native} -o twice
                WORKING_DIRECTORY "${WORK_DIR}" RESULT_VARIABLE result OUTPUT_QUIET ERROR_VARIABLE errors)
if(result EQUAL 0 OR NOT errors MATCHES "multiple definition|duplicate symbol")
    message(FATAL_ERROR "two whole archives: ${result}\n${errors}")
endif()
file(REMOVE_RECURSE "${WORK_DIR}")
