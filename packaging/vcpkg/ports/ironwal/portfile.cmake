# A port of ironwal for vcpkg, to be used as an overlay:
#
#     vcpkg install ironwal --overlay-ports=packaging/vcpkg/ports
#
# IRONWAL_SOURCE in the environment names an unpacked source archive (scripts/source-archive.sh), which builds without a
# network; a tree without its crates lets cargo fetch them. vcpkg has no Rust of its own: cargo and rustc are those on PATH.
set(SOURCE_PATH "$ENV{IRONWAL_SOURCE}")
if(NOT EXISTS "${SOURCE_PATH}/Cargo.toml")
    get_filename_component(SOURCE_PATH "${CMAKE_CURRENT_LIST_DIR}/../../../.." ABSOLUTE)
endif()
if(NOT EXISTS "${SOURCE_PATH}/Cargo.toml")
    message(FATAL_ERROR "IRONWAL_SOURCE names no source tree of ironwal")
endif()

string(COMPARE EQUAL "${VCPKG_LIBRARY_LINKAGE}" "dynamic" shared)
string(COMPARE EQUAL "${VCPKG_LIBRARY_LINKAGE}" "static" static)
set(flags "")
if(EXISTS "${SOURCE_PATH}/vendor")
    set(flags --offline)
endif()

# The engine is optimised in both configurations; IRONWAL_DEBUG_ENGINE in cmake/IronwalCargo.cmake says why.
vcpkg_cmake_configure(
    SOURCE_PATH "${SOURCE_PATH}"
    OPTIONS
        -DIRONWAL_BUILD_TESTS=OFF
        -DIRONWAL_BUILD_EXAMPLES=OFF
        "-DIRONWAL_CARGO_FLAGS=${flags}"
        "-DIRONWAL_BUILD_SHARED=${shared}"
        "-DIRONWAL_INSTALL_STATIC=${static}"
    OPTIONS_RELEASE -DIRONWAL_BUILD_TOOLS=ON
    OPTIONS_DEBUG -DIRONWAL_BUILD_TOOLS=OFF
)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH lib/cmake/ironwal)
vcpkg_copy_tools(TOOL_NAMES ironwalctl AUTO_CLEAN)
vcpkg_fixup_pkgconfig()
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/debug/include" "${CURRENT_PACKAGES_DIR}/debug/share")

file(INSTALL "${CMAKE_CURRENT_LIST_DIR}/usage" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE" "${SOURCE_PATH}/packaging/THIRD_PARTY.txt")
