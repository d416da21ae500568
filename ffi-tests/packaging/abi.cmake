# Is the binary interface still the one that abi/ironwal.abi describes?
#
# It is read from the debugging information of an unoptimised build made for this alone: the release
# build knows line numbers only, no types.
#
#     IRONWAL_WRITE_ABI=1 ctest --preset release -R abi_baseline
#
# writes the description anew, for a change that is meant; one that is not an addition also takes a
# new soname. "skipped:" is what CTest looks for.
if(NOT ABIDW OR NOT ABIDIFF)
    message(STATUS "skipped: abidw and abidiff are not installed (Debian: abigail-tools)")
    return()
endif()
if(NOT PROCESSOR STREQUAL "x86_64")
    message(STATUS "skipped: the description is of x86_64, this is ${PROCESSOR}")
    return()
endif()

# One unit, no types of other crates, and no paths of this machine: the description then holds what
# the exported functions use, and the same on every machine.
execute_process(
    COMMAND "${CMAKE_COMMAND}" -E env IRONWAL_CDYLIB=1 CARGO_PROFILE_DEV_CODEGEN_UNITS=1
            "${CARGO}" rustc --quiet --locked --lib --features capi --target-dir "${WORK_DIR}"
            --config "profile.dev.package.'*'.debug=false"
            --config "profile.dev.package.'*'.opt-level=0"
            --crate-type cdylib -- "--remap-path-prefix=${SOURCE_DIR}=."
    WORKING_DIRECTORY "${SOURCE_DIR}" COMMAND_ERROR_IS_FATAL ANY)
set(library "${WORK_DIR}/debug/libironwal.so")
set(baseline "${SOURCE_DIR}/abi/ironwal.abi")

if(NOT "$ENV{IRONWAL_WRITE_ABI}" STREQUAL "")
    execute_process(
        COMMAND "${ABIDW}" --no-show-locs --no-corpus-path --no-comp-dir-path "${library}"
        OUTPUT_VARIABLE description COMMAND_ERROR_IS_FATAL ANY)
    # What is left of compilers and other crates: units without a type, hashes in names of units.
    string(REGEX REPLACE "  <abi-instr [^>]*>\n  </abi-instr>\n" "" description "${description}")
    string(REGEX REPLACE " path='([^'@]*)/@/[^']*'" " path='\\1'" description "${description}")
    file(WRITE "${baseline}" "${description}")
    message(STATUS "written: ${baseline}")
    return()
endif()

execute_process(COMMAND "${ABIDIFF}" "${baseline}" "${library}"
                OUTPUT_VARIABLE changes ERROR_VARIABLE errors RESULT_VARIABLE result)
if(NOT result EQUAL 0)
    message(FATAL_ERROR "the binary interface changed (abidiff: ${result}):\n${changes}${errors}\n"
            "If that is meant: IRONWAL_WRITE_ABI=1 ctest -R abi_baseline")
endif()
message(STATUS "the binary interface is that of ${baseline}")
