# Which packages does cpack make? An archive of everything, and Debian packages.
#
#     cmake --preset packages && cmake --build --preset packages
#     cd build/packages && cpack -G TGZ && cpack -G DEB
#
#     libironwal0.7     the shared library, in the directory of its architecture
#     libironwal-dev    headers, the static library, CMake and pkg-config files
#     ironwal-tools     ironwalctl
#     *-dbgsym          line tables and symbols of the library and of the tool
#
# CPACK_PACKAGE_CONTACT is the maintainer of the packages; set it to your name.

set(CPACK_PACKAGE_NAME ironwal)
set(CPACK_PACKAGE_VENDOR ironwal)
set(CPACK_PACKAGE_VERSION "${PROJECT_VERSION}")
set(CPACK_PACKAGE_CONTACT "ironwal maintainers <maintainers@ironwal.invalid>"
    CACHE STRING "Maintainer of the packages: name and address")
set(CPACK_RESOURCE_FILE_LICENSE "${PROJECT_SOURCE_DIR}/LICENSE")
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_GENERATOR TGZ)
if(EXISTS /etc/debian_version)
    list(APPEND CPACK_GENERATOR DEB)
endif()

# Where in a package files go; the build tree's own prefix decides only whether the libraries' directory is that of
# the architecture, as it is in Debian under /usr.
set(CPACK_PACKAGING_INSTALL_PREFIX "/usr")
set(CPACK_SYSTEM_NAME "${CMAKE_SYSTEM_NAME}-${CMAKE_SYSTEM_PROCESSOR}")
set(CPACK_COMPONENTS_ALL shared static development tools licenses)
if(NOT ironwal_tool)
    list(REMOVE_ITEM CPACK_COMPONENTS_ALL tools)
endif()

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz CACHE STRING "How the packages are compressed: xz, zstd or gzip")
if(CMAKE_CROSSCOMPILING)
    set(ironwal_debian_x86_64 amd64)
    set(ironwal_debian_aarch64 arm64)
    set(ironwal_debian_ppc64le ppc64el)
    set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE "${CMAKE_SYSTEM_PROCESSOR}")
    if(ironwal_debian_${CMAKE_SYSTEM_PROCESSOR})
        set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE "${ironwal_debian_${CMAKE_SYSTEM_PROCESSOR}}")
    endif()
endif()

set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "embedded, durable write-ahead log")
set(ironwal_appends "Appends entries to named streams of a log; after a crash a program
reads back exactly what was acknowledged.")

set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME "libironwal${ironwal_abi_version}")
set(CPACK_DEBIAN_RUNTIME_DEBUGINFO_PACKAGE ON)
set(CPACK_DEBIAN_RUNTIME_DESCRIPTION "${ironwal_appends}

This package holds what programs need that were linked with it.")

set(CPACK_DEBIAN_DEV_PACKAGE_NAME libironwal-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS
    "libironwal${ironwal_abi_version} (= ${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}), libc6-dev")
set(CPACK_DEBIAN_DEV_DESCRIPTION "${ironwal_appends}

This package holds headers for C and C++, the static library, and the
files by which CMake and pkg-config find them.")

set(CPACK_DEBIAN_TOOLS_PACKAGE_NAME ironwal-tools)
set(CPACK_DEBIAN_TOOLS_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_TOOLS_DEBUGINFO_PACKAGE ON)
set(CPACK_DEBIAN_TOOLS_DESCRIPTION "${ironwal_appends}

This package holds ironwalctl: it verifies, dumps, repairs, copies and
imports logs.")

# Copyright and change log of each package, and a static library without debugging information.
set(CPACK_PRE_BUILD_SCRIPTS "${PROJECT_BINARY_DIR}/package/debian.cmake")
# What cpack has no word for, and what differs between two builds.
set(CPACK_POST_BUILD_SCRIPTS "${PROJECT_SOURCE_DIR}/cmake/IronwalDebianControl.cmake"
    "${PROJECT_SOURCE_DIR}/cmake/IronwalArchive.cmake")
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
    WORLD_READ WORLD_EXECUTE)
set(CPACK_PROJECT_CONFIG_FILE "${PROJECT_SOURCE_DIR}/cmake/IronwalPackagesOptions.cmake")
configure_file(cmake/debian.cmake.in "${PROJECT_BINARY_DIR}/package/debian.cmake" @ONLY)

include(CPack)
cpack_add_component_group(RUNTIME)
cpack_add_component_group(DEV)
cpack_add_component_group(TOOLS)
cpack_add_component(shared GROUP RUNTIME)
cpack_add_component(static GROUP DEV)
cpack_add_component(development GROUP DEV)
cpack_add_component(tools GROUP TOOLS)
