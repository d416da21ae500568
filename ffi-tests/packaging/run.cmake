# Does the installed package work from wherever it is moved to, with find_package and with
# pkg-config, shared and static?
#
# 1. install into a prefix, stripped; 2. move the prefix; 3. build and run the consumer each way.
file(REMOVE_RECURSE "${WORK_DIR}")
file(MAKE_DIRECTORY "${WORK_DIR}")

function(run)
    execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output
                    ERROR_VARIABLE errors)
    if(NOT result EQUAL 0)
        string(REPLACE ";" " " command "${ARGN}")
        message(FATAL_ERROR "${command}: ${result}\n${output}\n${errors}")
    endif()
    set(output "${output}" PARENT_SCOPE)
endfunction()

run("${CMAKE_COMMAND}" --install "${BUILD_DIR}" --strip --prefix "${WORK_DIR}/first")
file(RENAME "${WORK_DIR}/first" "${WORK_DIR}/moved")
set(prefix "${WORK_DIR}/moved")
foreach(file IN ITEMS include/ironwal.h include/ironwal.hpp include/ironwal/module.modulemap)
    if(NOT EXISTS "${prefix}/${file}")
        message(FATAL_ERROR "${file} is not installed")
    endif()
endforeach()
if(EXISTS "${prefix}/include/module.modulemap")
    message(FATAL_ERROR "the module map would be that of all headers in include/")
endif()

# The programs below show that what is left of them works.
file(GLOB_RECURSE libraries "${prefix}/*/libironwal.so.${VERSION}" "${prefix}/*/libironwal.a" "${prefix}/bin/ironwalctl")
foreach(library IN LISTS libraries)
    get_filename_component(name "${library}" NAME)
    set(built "${BUILD_DIR}/lib/${name}")
    if(NOT EXISTS "${built}")
        set(built "${BUILD_DIR}/bin/${name}")
    endif()
    file(SIZE "${built}" size)
    file(SIZE "${library}" stripped)
    math(EXPR double "2 * ${stripped}")
    if(double GREATER size)
        message(FATAL_ERROR "--strip left ${stripped} of ${size} bytes of ${name}")
    endif()
    message(STATUS "stripped: ${name}, ${stripped} bytes")
endforeach()

# Nothing that was installed may name the build tree or the old prefix.
file(GLOB_RECURSE texts "${prefix}/*.cmake" "${prefix}/*.pc")
foreach(text IN LISTS texts)
    file(READ "${text}" content)
    foreach(place IN ITEMS "${WORK_DIR}/first" "${BUILD_DIR}")
        string(FIND "${content}" "${place}" at)
        if(NOT at EQUAL -1)
            message(FATAL_ERROR "${text} names ${place}")
        endif()
    endforeach()
endforeach()

function(check_consumer program)
    if(WIN32)
        set(ENV{PATH} "${prefix}/bin;$ENV{PATH}")
    endif()
    run("${program}" "${WORK_DIR}/log")
    if(NOT output MATCHES "ironwal ${VERSION}: 0: consumer")
        message(FATAL_ERROR "${program} printed: ${output}")
    endif()
    file(REMOVE_RECURSE "${WORK_DIR}/log")
    message(STATUS "works: ${program}")
endfunction()

# find_package
run("${CMAKE_COMMAND}" -S "${SOURCE_DIR}" -B "${WORK_DIR}/consumer" "-DCMAKE_C_COMPILER=${CC}"
    -DCMAKE_BUILD_TYPE=Release "-DCMAKE_PREFIX_PATH=${prefix}" "-DEXPECTED_VERSION=${VERSION}")
run("${CMAKE_COMMAND}" --build "${WORK_DIR}/consumer" --config Release)
check_consumer("${WORK_DIR}/consumer/consumer_shared")
check_consumer("${WORK_DIR}/consumer/consumer_static")

# pkg-config, with the compiler alone
if(NOT PKG_CONFIG)
    message(STATUS "pkg-config is not installed: not tried")
    return()
endif()
set(ENV{PKG_CONFIG_PATH} "${prefix}/${LIBDIR}/pkgconfig")
run("${PKG_CONFIG}" --modversion ironwal)
string(STRIP "${output}" version)
if(NOT version STREQUAL VERSION)
    message(FATAL_ERROR "pkg-config says version ${version}")
endif()
run("${PKG_CONFIG}" --cflags --libs ironwal)
separate_arguments(flags UNIX_COMMAND "${output}")
run("${CC}" "${SOURCE_DIR}/consumer.c" ${flags} "-Wl,-rpath,${prefix}/${LIBDIR}"
    -o "${WORK_DIR}/pc_shared")
check_consumer("${WORK_DIR}/pc_shared")

# The static library, beside the shared one; and where the C library has a static form, a program without any.
run("${PKG_CONFIG}" --cflags --libs ironwal-static)
separate_arguments(flags UNIX_COMMAND "${output}")
run("${CC}" "${SOURCE_DIR}/consumer.c" ${flags} -o "${WORK_DIR}/pc_static")
execute_process(COMMAND "${CC}" -print-file-name=libc.a OUTPUT_VARIABLE libc OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(IS_ABSOLUTE "${libc}" AND EXISTS "${libc}")
    run("${CC}" -static "${SOURCE_DIR}/consumer.c" ${flags} -o "${WORK_DIR}/pc_all_static")
    check_consumer("${WORK_DIR}/pc_all_static")
endif()

# Not a shared library in sight: what works now needs none.
file(GLOB shared "${prefix}/${LIBDIR}/libironwal.so*" "${prefix}/${LIBDIR}/libironwal*.dylib")
file(REMOVE ${shared})
check_consumer("${WORK_DIR}/pc_static")

# A component that is not there is refused; the other is still found.
execute_process(
    COMMAND "${CMAKE_COMMAND}" -S "${SOURCE_DIR}" -B "${WORK_DIR}/refused" "-DCMAKE_C_COMPILER=${CC}"
            "-DCMAKE_PREFIX_PATH=${prefix}" "-DEXPECTED_VERSION=${VERSION}"
    RESULT_VARIABLE result OUTPUT_QUIET ERROR_QUIET)
if(result EQUAL 0)
    message(FATAL_ERROR "COMPONENTS shared was found after the shared library was removed")
endif()
