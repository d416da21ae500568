# Is the engine optimised inside a host that is built for debugging, or in any other configuration?
#
# 1. For every way to include ironwal and every configuration: which profile would cargo build?
# 2. One Debug host is built, and what was linked is what cargo's release profile made.
cmake_minimum_required(VERSION 3.22)
file(REMOVE_RECURSE "${WORK_DIR}")

function(run)
    execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output
                    ERROR_VARIABLE errors)
    if(NOT result EQUAL 0)
        string(REPLACE ";" " " command "${ARGN}")
        message(FATAL_ERROR "${command}: ${result}\n${output}\n${errors}")
    endif()
    set(output "${output}" PARENT_SCOPE)
endfunction()

# What makes a build tool print its commands without running them.
set(only_print -n)

# expect(PROFILE NAME ARGUMENTS...): configures a host and looks at what it would build.
function(expect profile name)
    run("${CMAKE_COMMAND}" -S "${SOURCE_DIR}/host" -B "${WORK_DIR}/${name}"
        "-DCMAKE_C_COMPILER=${CC}" "-DIRONWAL_SOURCE=${IRONWAL_SOURCE}" ${ARGN})
    run("${CMAKE_COMMAND}" --build "${WORK_DIR}/${name}" --target ironwal_cargo -- ${only_print})
    string(REGEX MATCHALL "--profile \"?[a-z]+" profiles "${output}")
    if(NOT profiles OR NOT profiles MATCHES "^--profile \"?${profile}$")
        message(FATAL_ERROR "${name}: cargo would build ${profiles}, not ${profile}:\n${output}")
    endif()
    message(STATUS "${name}: ${profile}")
endfunction()

foreach(how IN ITEMS add_subdirectory FetchContent)
    foreach(type IN ITEMS Debug Release RelWithDebInfo MinSizeRel)
        expect(release "${how}-${type}" "-DHOW=${how}" "-DCMAKE_BUILD_TYPE=${type}")
    endforeach()
    expect(release "${how}-none" "-DHOW=${how}" -DCMAKE_BUILD_TYPE=)
endforeach()
if(NINJA)
    # Without -v it prints descriptions.
    set(only_print -n -v)
    expect(release multi-config -G "Ninja Multi-Config" "-DCMAKE_MAKE_PROGRAM=${NINJA}"
           "-DCMAKE_DEFAULT_BUILD_TYPE=Debug")
    set(only_print -n)
endif()
expect(dev asked-for -DCMAKE_BUILD_TYPE=Release -DIRONWAL_DEBUG_ENGINE=ON)

set(host "${WORK_DIR}/add_subdirectory-Debug")
run("${CMAKE_COMMAND}" --build "${host}")
set(lib "${host}/ironwal/lib")
set(made "${host}/ironwal/cargo/release")
if(NOT EXISTS "${made}" OR EXISTS "${host}/ironwal/cargo/debug")
    message(FATAL_ERROR "a Debug host built another profile than release")
endif()
run("${CMAKE_COMMAND}" -E compare_files "${made}/libironwal.a" "${lib}/libironwal.a")
if(NOT EXISTS "${lib}/libironwal.so.${VERSION}")
    message(FATAL_ERROR "no shared library in ${lib}")
endif()
foreach(kind IN ITEMS shared static)
    run("${host}/host_${kind}" "${WORK_DIR}/log")
    if(NOT output MATCHES "ironwal ${VERSION}: 0: consumer")
        message(FATAL_ERROR "host_${kind} printed: ${output}")
    endif()
    file(REMOVE_RECURSE "${WORK_DIR}/log")
endforeach()
file(REMOVE_RECURSE "${WORK_DIR}")
