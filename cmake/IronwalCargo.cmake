# How is the library built, and what are the targets in the build tree?
#
# cargo decides what is stale, so it is asked on every build. Its output is copied to
# ${PROJECT_BINARY_DIR}/lib under the names that programs look for at run time.

set(IRONWAL_CARGO_TARGET "" CACHE STRING "Rust target triple; empty: the host")
set(IRONWAL_CARGO_FLAGS "" CACHE STRING "More arguments for cargo, such as --offline")
set(IRONWAL_SANITIZER "" CACHE STRING "For developers: address; builds the static library only")
# The engine is optimised whatever the configuration of the program that uses it: in a debug build of
# a game or a trading system the log would be ten times slower, and it is not what is debugged.
option(IRONWAL_DEBUG_ENGINE
       "For developers of ironwal: build the engine unoptimised and with its assertions" OFF)
set(IRONWAL_CARGO_PROFILE release CACHE STRING "cargo profile of the engine")
set(ironwal_profile "${IRONWAL_CARGO_PROFILE}")
if(IRONWAL_DEBUG_ENGINE)
    set(ironwal_profile dev)
endif()

find_program(IRONWAL_CARGO cargo HINTS "$ENV{CARGO_HOME}/bin" "$ENV{HOME}/.cargo/bin" REQUIRED)
find_program(IRONWAL_RUSTC rustc HINTS "$ENV{CARGO_HOME}/bin" "$ENV{HOME}/.cargo/bin" REQUIRED)

# Rust's name of the target. A toolchain file has said what CMake builds for; cargo would build for the host.
if(CMAKE_CROSSCOMPILING AND NOT IRONWAL_CARGO_TARGET)
    set(ironwal_processor "${CMAKE_SYSTEM_PROCESSOR}")
    if(ironwal_processor STREQUAL "riscv64")
        set(ironwal_processor riscv64gc)
    elseif(ironwal_processor STREQUAL "ppc64le")
        set(ironwal_processor powerpc64le)
    elseif(ironwal_processor STREQUAL "arm64")
        set(ironwal_processor aarch64)
    endif()
    if(CMAKE_SYSTEM_NAME STREQUAL "Linux"
       AND ironwal_processor MATCHES "^(x86_64|aarch64|s390x|riscv64gc|powerpc64le)$")
        set(IRONWAL_CARGO_TARGET "${ironwal_processor}-unknown-linux-gnu")
    elseif(MINGW AND ironwal_processor MATCHES "^(x86_64|AMD64)$")
        set(IRONWAL_CARGO_TARGET "x86_64-pc-windows-gnu")
    else()
        message(FATAL_ERROR "IRONWAL_CARGO_TARGET is not set: which Rust target is ${CMAKE_SYSTEM_NAME} on "
                "${CMAKE_SYSTEM_PROCESSOR}? \"rustc --print target-list\" lists them")
    endif()
endif()

# A C library that is linked into every program has no place in a shared library.
option(IRONWAL_BUILD_SHARED "Build the shared library" ON)
set(ironwal_shared "${IRONWAL_BUILD_SHARED}")
if(IRONWAL_SANITIZER OR IRONWAL_CARGO_TARGET MATCHES "-musl")
    set(ironwal_shared OFF)
endif()

# On ELF systems the shared library is linked from the static one, by the C compiler: rustc has no way to give symbols
# a version, and takes no notice of the linker flags that distributions set.
set(ironwal_elf OFF)
if(UNIX AND NOT APPLE)
    set(ironwal_elf ON)
endif()

set(ironwal_crate_types staticlib)
set(ironwal_cargo_environment "")
if(ironwal_shared AND NOT ironwal_elf)
    set(ironwal_crate_types cdylib,staticlib)
    set(ironwal_cargo_environment IRONWAL_CDYLIB=1)
endif()

set(IRONWAL_CARGO_DIR "" CACHE PATH "Where cargo builds; empty: in the build directory")
set(ironwal_cargo_dir "${PROJECT_BINARY_DIR}/cargo")
if(IRONWAL_CARGO_DIR)
    set(ironwal_cargo_dir "${IRONWAL_CARGO_DIR}")
endif()

# Paths of this machine are replaced in messages and debugging information, so that two builds in two directories
# compare equal: of the sources, of cargo's home, and of what build scripts write. The last one that fits counts. A file,
# for paths may hold spaces. Flags of the user's own (RUSTFLAGS, or of a target in cargo's
# configuration) take the place of these.
set(ironwal_cargo_home "$ENV{CARGO_HOME}")
if(NOT ironwal_cargo_home)
    set(ironwal_cargo_home "$ENV{HOME}/.cargo")
endif()
set(ironwal_cargo_config "${PROJECT_BINARY_DIR}/cargo-config.toml")
file(CONFIGURE OUTPUT "${ironwal_cargo_config}" @ONLY CONTENT
"[build]
rustflags = [
    '--remap-path-prefix=@ironwal_cargo_home@=/cargo',
    '--remap-path-prefix=@PROJECT_SOURCE_DIR@=/ironwal',
    '--remap-path-prefix=@ironwal_cargo_dir@=/target',
]
")

# With a sanitizer the library is instrumented too, so that a use after free inside Rust is seen from
# the C tests. Static only: the runtime comes from the C compiler that links the program. The
# compiler flag is an unstable one of rustc's, which RUSTC_BOOTSTRAP admits on any toolchain.
if(IRONWAL_SANITIZER)
    list(APPEND ironwal_cargo_environment RUSTC_BOOTSTRAP=1
        "RUSTFLAGS=-Zsanitizer=${IRONWAL_SANITIZER} -Cforce-frame-pointers=yes")
    add_compile_options("-fsanitize=${IRONWAL_SANITIZER}" -fno-omit-frame-pointer)
    add_link_options("-fsanitize=${IRONWAL_SANITIZER}")
    if(NOT IRONWAL_CARGO_TARGET)
        # A target named keeps the flags from build scripts and procedural macros.
        execute_process(COMMAND "${IRONWAL_RUSTC}" -vV OUTPUT_VARIABLE ironwal_rustc_version
                        WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}" COMMAND_ERROR_IS_FATAL ANY)
        string(REGEX MATCH "host: ([^\n]+)" ironwal_host "${ironwal_rustc_version}")
        set(IRONWAL_CARGO_TARGET "${CMAKE_MATCH_1}")
    endif()
endif()
if(CMAKE_CROSSCOMPILING)
    # ironwalctl is linked by rustc, which would take the host's compiler for it.
    string(TOUPPER "${IRONWAL_CARGO_TARGET}" ironwal_linker_variable)
    string(REPLACE "-" "_" ironwal_linker_variable "CARGO_TARGET_${ironwal_linker_variable}_LINKER")
    if(NOT DEFINED "ENV{${ironwal_linker_variable}}")
        list(APPEND ironwal_cargo_environment "${ironwal_linker_variable}=${CMAKE_C_COMPILER}")
    endif()
endif()

set(ironwal_lib_dir "${PROJECT_BINARY_DIR}/lib")
if(ironwal_profile STREQUAL "dev")
    set(ironwal_profile_dir debug)
else()
    set(ironwal_profile_dir "${ironwal_profile}")
endif()
set(ironwal_target_args "")
set(ironwal_out_dir "${ironwal_cargo_dir}/${ironwal_profile_dir}")
if(IRONWAL_CARGO_TARGET)
    set(ironwal_target_args --target "${IRONWAL_CARGO_TARGET}")
    set(ironwal_out_dir "${ironwal_cargo_dir}/${IRONWAL_CARGO_TARGET}/${ironwal_profile_dir}")
endif()

# Until 1.0 a minor version may change the binary interface, so the soname holds it.
set(ironwal_abi_version "${PROJECT_VERSION_MAJOR}")
if(PROJECT_VERSION_MAJOR EQUAL 0)
    set(ironwal_abi_version "0.${PROJECT_VERSION_MINOR}")
endif()

# What cargo makes, and what it is called when installed.
if(MINGW)
    set(ironwal_cargo_shared ironwal.dll)
    set(ironwal_cargo_static libironwal.a)
    set(ironwal_cargo_import libironwal.dll.a)
    set(ironwal_shared_name ironwal.dll)
    set(ironwal_static_name libironwal.a)
    set(ironwal_import_name libironwal.dll.a)
    set(ironwal_shared_links "")
elseif(WIN32)
    set(ironwal_cargo_shared ironwal.dll)
    set(ironwal_cargo_import ironwal.dll.lib)
    set(ironwal_import_name ironwal.lib)
    set(ironwal_cargo_static ironwal.lib)
    set(ironwal_shared_name ironwal.dll)
    set(ironwal_static_name ironwal_static.lib)
    set(ironwal_shared_links "")
elseif(APPLE)
    set(ironwal_cargo_shared libironwal.dylib)
    set(ironwal_cargo_static libironwal.a)
    set(ironwal_shared_name libironwal.${PROJECT_VERSION}.dylib)
    set(ironwal_static_name libironwal.a)
    set(ironwal_soname libironwal.${ironwal_abi_version}.dylib)
    set(ironwal_shared_links ${ironwal_soname} libironwal.dylib)
else()
    set(ironwal_cargo_shared libironwal.so)
    set(ironwal_cargo_static libironwal.a)
    set(ironwal_shared_name libironwal.so.${PROJECT_VERSION})
    set(ironwal_static_name libironwal.a)
    set(ironwal_soname libironwal.so.${ironwal_abi_version})
    set(ironwal_shared_links ${ironwal_soname} libironwal.so)
endif()

# What a static link needs besides: what rustc says for an empty static library. ctest compares
# it with what rustc said for the real one (ffi-tests/packaging/native_libs.cmake).
set(IRONWAL_NATIVE_LIBS "" CACHE STRING
    "What a static link needs, where rustc cannot be asked because the standard library is yet to be built")
set(ironwal_native_flags "${IRONWAL_NATIVE_LIBS}")
if(NOT ironwal_native_flags)
    set(ironwal_probe_dir "${PROJECT_BINARY_DIR}/native-static-libs")
    file(WRITE "${ironwal_probe_dir}/empty.rs" "")
    execute_process(
        COMMAND "${IRONWAL_RUSTC}" ${ironwal_target_args} --crate-type staticlib
                --print native-static-libs -o "${ironwal_probe_dir}/libempty.a"
                "${ironwal_probe_dir}/empty.rs"
        WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
        ERROR_VARIABLE ironwal_probe OUTPUT_QUIET RESULT_VARIABLE ironwal_probe_result)
    if(ironwal_probe MATCHES "E0463")
        message(FATAL_ERROR "Rust's standard library for ${IRONWAL_CARGO_TARGET} is not installed "
                "(\"rustup target add ${IRONWAL_CARGO_TARGET}\", or the package of the distribution, on Debian "
                "libstd-rust-dev of that architecture)")
    endif()
    if(NOT ironwal_probe_result EQUAL 0 OR NOT ironwal_probe MATCHES "native-static-libs: ([^\n]*)")
        message(FATAL_ERROR "rustc does not name the native libraries:\n${ironwal_probe}")
    endif()
    string(STRIP "${CMAKE_MATCH_1}" ironwal_native_flags)
endif()
# The compiler driver adds its own support library, libgcc_s or with -static libgcc_eh; named here, -static would fail.
string(REGEX REPLACE "(^| )-lgcc_s( |$)" "\\2" ironwal_native_flags "${ironwal_native_flags}")
string(STRIP "${ironwal_native_flags}" ironwal_native_flags)
separate_arguments(ironwal_native_libs UNIX_COMMAND "${ironwal_native_flags}")
# musl has no unwinder of its own: rustup's standard library comes with one. A GCC for glibc has none that links.
set(ironwal_native_dirs "")
if(ironwal_native_flags MATCHES "(^| )-lunwind( |$)" AND IRONWAL_CARGO_TARGET)
    execute_process(COMMAND "${IRONWAL_RUSTC}" --print target-libdir --target "${IRONWAL_CARGO_TARGET}"
                    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}" OUTPUT_VARIABLE ironwal_target_libdir
                    OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
    if(EXISTS "${ironwal_target_libdir}/self-contained/libunwind.a")
        set(ironwal_native_dirs "${ironwal_target_libdir}/self-contained")
    endif()
endif()

set(ironwal_copies
    COMMAND "${CMAKE_COMMAND}" -E make_directory "${ironwal_lib_dir}"
    COMMAND "${CMAKE_COMMAND}" -E copy_if_different
            "${ironwal_out_dir}/${ironwal_cargo_static}" "${ironwal_lib_dir}/${ironwal_static_name}")
set(ironwal_made "${ironwal_lib_dir}/${ironwal_static_name}")
if(ironwal_shared AND ironwal_elf)
    include(cmake/IronwalShared.cmake)
    list(APPEND ironwal_copies COMMAND "${CMAKE_COMMAND}" -P "${ironwal_link_script}")
    list(APPEND ironwal_made "${ironwal_lib_dir}/${ironwal_shared_name}")
elseif(ironwal_shared)
    list(APPEND ironwal_copies COMMAND "${CMAKE_COMMAND}" -E copy_if_different
         "${ironwal_out_dir}/${ironwal_cargo_shared}" "${ironwal_lib_dir}/${ironwal_shared_name}")
    list(APPEND ironwal_made "${ironwal_lib_dir}/${ironwal_shared_name}")
else()
    set(ironwal_shared_links "")
endif()
foreach(link IN LISTS ironwal_shared_links)
    list(APPEND ironwal_copies COMMAND "${CMAKE_COMMAND}" -E create_symlink
                "${ironwal_shared_name}" "${ironwal_lib_dir}/${link}")
    list(APPEND ironwal_made "${ironwal_lib_dir}/${link}")
endforeach()
if(WIN32 AND ironwal_shared)
    list(APPEND ironwal_copies COMMAND "${CMAKE_COMMAND}" -E copy_if_different
                "${ironwal_out_dir}/${ironwal_cargo_import}" "${ironwal_lib_dir}/${ironwal_import_name}")
    list(APPEND ironwal_made "${ironwal_lib_dir}/${ironwal_import_name}")
endif()

separate_arguments(ironwal_more_flags NATIVE_COMMAND "${IRONWAL_CARGO_FLAGS}")
# cargo refuses to be quiet and verbose.
set(ironwal_quiet --quiet)
if(CMAKE_VERBOSE_MAKEFILE OR ironwal_more_flags MATCHES "(^|;)(-v+|--verbose)(;|$)")
    set(ironwal_quiet "")
    if(NOT ironwal_more_flags MATCHES "(^|;)(-v+|--verbose|-q|--quiet)(;|$)")
        set(ironwal_quiet --verbose)
    endif()
endif()
add_custom_target(ironwal_cargo ALL
    COMMAND "${CMAKE_COMMAND}" -E env ${ironwal_cargo_environment}
            "${IRONWAL_CARGO}" rustc ${ironwal_quiet} --locked
            --config "${ironwal_cargo_config}" ${ironwal_more_flags} --lib --features capi
            --profile "${ironwal_profile}" ${ironwal_target_args}
            --target-dir "${ironwal_cargo_dir}" --crate-type ${ironwal_crate_types}
            -- "--print=native-static-libs=${ironwal_cargo_dir}/native-static-libs.txt"
    ${ironwal_copies}
    BYPRODUCTS ${ironwal_made}
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
    COMMENT "Building ironwal with cargo (${ironwal_profile})"
    USES_TERMINAL VERBATIM)

if(ironwal_shared)
    add_library(ironwal::ironwal SHARED IMPORTED GLOBAL)
    add_dependencies(ironwal::ironwal ironwal_cargo)
    set_target_properties(ironwal::ironwal PROPERTIES
        IMPORTED_LOCATION "${ironwal_lib_dir}/${ironwal_shared_name}"
        INTERFACE_INCLUDE_DIRECTORIES "${PROJECT_SOURCE_DIR}/include")
    if(WIN32)
        set_target_properties(ironwal::ironwal PROPERTIES
            IMPORTED_IMPLIB "${ironwal_lib_dir}/${ironwal_import_name}")
    else()
        set_target_properties(ironwal::ironwal PROPERTIES IMPORTED_SONAME "${ironwal_soname}")
    endif()
endif()

add_library(ironwal::static STATIC IMPORTED GLOBAL)
set_target_properties(ironwal::static PROPERTIES
    IMPORTED_LOCATION "${ironwal_lib_dir}/${ironwal_static_name}"
    INTERFACE_INCLUDE_DIRECTORIES "${PROJECT_SOURCE_DIR}/include"
    INTERFACE_LINK_DIRECTORIES "${ironwal_native_dirs}"
    INTERFACE_LINK_LIBRARIES "${ironwal_native_libs}")
add_dependencies(ironwal::static ironwal_cargo)

# The command line tool. It holds the library, and is built from it without the C layer. Cargo works
# on one thing at a time in one directory, so it waits for the library.
set(ironwal_tool "")
if(IRONWAL_BUILD_TOOLS AND NOT IRONWAL_SANITIZER)
    set(ironwal_tool_name "ironwalctl${CMAKE_EXECUTABLE_SUFFIX}")
    set(ironwal_tool "${PROJECT_BINARY_DIR}/bin/${ironwal_tool_name}")
    add_custom_target(ironwal_tool ALL
        COMMAND "${CMAKE_COMMAND}" -E env ${ironwal_cargo_environment}
                "${IRONWAL_CARGO}" build ${ironwal_quiet} --locked
                --config "${ironwal_cargo_config}" ${ironwal_more_flags}
                --bin ironwalctl --features cli
                --profile "${ironwal_profile}" ${ironwal_target_args}
                --target-dir "${ironwal_cargo_dir}"
        COMMAND "${CMAKE_COMMAND}" -E make_directory "${PROJECT_BINARY_DIR}/bin"
        COMMAND "${CMAKE_COMMAND}" -E copy_if_different
                "${ironwal_out_dir}/${ironwal_tool_name}" "${ironwal_tool}"
        BYPRODUCTS "${ironwal_tool}"
        WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
        COMMENT "Building ironwalctl with cargo (${ironwal_profile})"
        USES_TERMINAL VERBATIM)
    add_dependencies(ironwal_tool ironwal_cargo)
endif()
