# How is the shared library linked on ELF systems? From the whole static library, by the C compiler, with a version
# script that exports what the header declares.
#
# Each symbol has the version IRONWAL_<soname's number>: packagers see it as a dependency, and two versions of the
# library in one process are each called by their own users.

set(ironwal_header "${PROJECT_SOURCE_DIR}/include/ironwal.h")
set_property(DIRECTORY "${PROJECT_SOURCE_DIR}" APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${ironwal_header}")
file(READ "${ironwal_header}" ironwal_declared)
# Comments mention functions too.
string(REGEX REPLACE "/\\*[^*]*\\*+([^/*][^*]*\\*+)*/" "" ironwal_declared "${ironwal_declared}")
string(REGEX MATCHALL "ironwal_[a-z0-9_]+\\(" ironwal_declared "${ironwal_declared}")
string(REPLACE "(" "" ironwal_declared "${ironwal_declared}")
list(REMOVE_DUPLICATES ironwal_declared)
list(SORT ironwal_declared)
set(ironwal_version_node "IRONWAL_${ironwal_abi_version}")
list(JOIN ironwal_declared ";\n        " ironwal_global)
file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/ironwal.map" @ONLY CONTENT
"@ironwal_version_node@ {
    global:
        @ironwal_global@;
    local:
        *;
};
")

separate_arguments(ironwal_c_flags NATIVE_COMMAND "${CMAKE_C_FLAGS}")
separate_arguments(ironwal_linker_flags NATIVE_COMMAND "${CMAKE_SHARED_LINKER_FLAGS}")
set(ironwal_link_command "${CMAKE_C_COMPILER}" ${ironwal_c_flags})
if(CMAKE_C_COMPILER_TARGET)
    list(APPEND ironwal_link_command "${CMAKE_C_COMPILE_OPTIONS_TARGET}${CMAKE_C_COMPILER_TARGET}")
endif()
if(CMAKE_SYSROOT)
    list(APPEND ironwal_link_command "--sysroot=${CMAKE_SYSROOT}")
endif()
list(APPEND ironwal_link_command
    -shared "-Wl,-soname,${ironwal_soname}"
    "-Wl,--version-script=${PROJECT_BINARY_DIR}/ironwal.map" -Wl,--no-undefined-version
    # All addresses are bound when the library is loaded, and their table is read-only from then on.
    -Wl,-z,relro,-z,now,-z,noexecstack,-z,defs
    # The fork handler and the threads are code that must not vanish with dlclose.
    -Wl,-z,nodelete
    -Wl,--build-id -Wl,--gc-sections -Wl,-O1 ${ironwal_linker_flags}
    -Wl,--whole-archive "${ironwal_lib_dir}/${ironwal_static_name}" -Wl,--no-whole-archive
    -Wl,--as-needed ${ironwal_native_libs}
    -o "${ironwal_lib_dir}/${ironwal_shared_name}")
list(JOIN ironwal_link_command "]==]\n    [==[" ironwal_link_arguments)

# A script, for it is asked on every build, and links when the archive, the map or the command is newer.
set(ironwal_link_script "${PROJECT_BINARY_DIR}/link-shared.cmake")
file(CONFIGURE OUTPUT "${ironwal_link_script}" @ONLY CONTENT
"set(made [==[@ironwal_lib_dir@/@ironwal_shared_name@]==])
foreach(source IN ITEMS [==[@ironwal_lib_dir@/@ironwal_static_name@]==] [==[@PROJECT_BINARY_DIR@/ironwal.map]==]
                        [==[@ironwal_link_script@]==])
    if(NOT EXISTS \"\${made}\" OR NOT \"\${made}\" IS_NEWER_THAN \"\${source}\")
        set(stale ON)
    endif()
endforeach()
if(stale)
    execute_process(COMMAND
    [==[@ironwal_link_arguments@]==] RESULT_VARIABLE result)
    if(NOT result EQUAL 0)
        file(REMOVE \"\${made}\")
        message(FATAL_ERROR \"linking \${made} failed: \${result}\")
    endif()
endif()
")
