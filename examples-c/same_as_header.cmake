# Is the example in the header the one that is built and run?
file(STRINGS "${EXAMPLE}" lines)
list(REMOVE_AT lines 0)
file(READ "${HEADER}" header)
# Lines, not lists: a semicolon splits one into two elements, each of which must be there.
foreach(line IN LISTS lines)
    string(FIND "${header}" "${line}" at)
    if(at EQUAL -1)
        message(FATAL_ERROR "the header does not show: ${line}")
    endif()
endforeach()
