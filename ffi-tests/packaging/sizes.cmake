# Are the libraries and the tool as small as docs/PACKAGING.md says? Each may be a tenth larger, stripped, than the table
# there. A change that makes one larger on purpose puts the new size into the table.
#
# The table is of x86-64; "skipped:" is what CTest looks for.
if(NOT PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
    message(STATUS "skipped: the table is of x86-64, this is ${PROCESSOR}")
    return()
endif()
file(REMOVE_RECURSE "${WORK_DIR}")
file(MAKE_DIRECTORY "${WORK_DIR}")
file(STRINGS "${TABLE}" lines)

# check(NAME FILE FLAG): the row of NAME has the size of FILE after strip FLAG in its last column.
function(check name file flag)
    get_filename_component(base "${file}" NAME)
    execute_process(COMMAND "${STRIP}" ${flag} -o "${WORK_DIR}/${base}" "${file}" COMMAND_ERROR_IS_FATAL ANY)
    file(SIZE "${WORK_DIR}/${base}" size)
    set(stated "")
    string(REPLACE "." "\\." pattern "${name}")
    foreach(line IN LISTS lines)
        if(line MATCHES "^\\| `${pattern}` \\| [0-9.]+ MB \\| ([0-9]+)\\.([0-9][0-9]) MB \\|$")
            # Without a leading zero, which math would take for octal.
            math(EXPR stated "${CMAKE_MATCH_1} * 1000000 + (1${CMAKE_MATCH_2} - 100) * 10000")
        endif()
    endforeach()
    if(stated STREQUAL "")
        message(FATAL_ERROR "${TABLE} has no row of ${name} with a size like 2.79 MB")
    endif()
    math(EXPR most "${stated} + ${stated} / 10")
    if(size GREATER most)
        message(FATAL_ERROR "${name}: ${size} bytes, more than a tenth beyond the ${stated} of ${TABLE}")
    endif()
    message(STATUS "${name}: ${size} bytes, stated ${stated}")
endfunction()
check(libironwal.so "${SHARED}" --strip-unneeded)
check(libironwal.a "${STATIC}" --strip-debug)
check(ironwalctl "${TOOL}" --strip-unneeded)
