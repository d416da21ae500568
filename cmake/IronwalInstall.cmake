# What is installed, and where?
#
#     shared        the shared library under its soname     static    the static library
#     development   headers, CMake and pkg-config files, the name that -lironwal finds
#     tools         ironwalctl                               licenses  ours, and those of the crates inside

include(CMakePackageConfigHelpers)

option(IRONWAL_INSTALL_SHARED "Install the shared library" ON)
option(IRONWAL_INSTALL_STATIC "Install the static library" ON)
if(NOT ironwal_shared)
    set(IRONWAL_INSTALL_SHARED OFF)
endif()
set(ironwal_config_dir "${CMAKE_INSTALL_LIBDIR}/cmake/ironwal")

if(APPLE)
    set(ironwal_strip_symbols -x)
    set(ironwal_strip_debug -S)
else()
    set(ironwal_strip_symbols --strip-unneeded)
    set(ironwal_strip_debug "--strip-debug --enable-deterministic-archives")
endif()
# Shared libraries are executable everywhere but on Debian.
set(ironwal_shared_permissions OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
if(NOT EXISTS /etc/debian_version)
    list(APPEND ironwal_shared_permissions OWNER_EXECUTE GROUP_EXECUTE WORLD_EXECUTE)
endif()

# cmake --install --strip and cpack strip only what CMake has linked itself.
function(ironwal_strip component flag file)
    if(NOT CMAKE_STRIP)
        return()
    endif()
    if(NOT IS_ABSOLUTE "${file}")
        set(file "\${CMAKE_INSTALL_PREFIX}/${file}")
    endif()
    install(CODE "if(CMAKE_INSTALL_DO_STRIP)
        execute_process(COMMAND [==[${CMAKE_STRIP}]==] ${flag} \"\$ENV{DESTDIR}${file}\" COMMAND_ERROR_IS_FATAL ANY)
    endif()" COMPONENT ${component})
endfunction()

install(FILES include/ironwal.h include/ironwal.hpp
        DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT development)
# In a directory of its own: at the root of include/ it would be taken for the map of all that lies there.
install(FILES include/ironwal/module.modulemap
        DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/ironwal" COMPONENT development)
if(WIN32)
    set(ironwal_installed_shared "${CMAKE_INSTALL_BINDIR}/${ironwal_shared_name}")
else()
    set(ironwal_installed_shared "${CMAKE_INSTALL_LIBDIR}/${ironwal_shared_name}")
endif()
if(IRONWAL_INSTALL_SHARED AND WIN32)
    install(PROGRAMS "${ironwal_lib_dir}/${ironwal_shared_name}"
            DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT shared)
    install(FILES "${ironwal_lib_dir}/${ironwal_import_name}"
            DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT development)
elseif(IRONWAL_INSTALL_SHARED)
    install(FILES "${ironwal_lib_dir}/${ironwal_shared_name}" DESTINATION "${CMAKE_INSTALL_LIBDIR}"
            PERMISSIONS ${ironwal_shared_permissions} COMPONENT shared)
    foreach(link IN LISTS ironwal_shared_links)
        set(component shared)
        if(NOT link STREQUAL ironwal_soname)
            set(component development)
        endif()
        install(FILES "${ironwal_lib_dir}/${link}"
                DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT ${component})
    endforeach()
    ironwal_strip(shared "${ironwal_strip_symbols}" "${ironwal_installed_shared}")
endif()
set(ironwal_installed_static "${CMAKE_INSTALL_LIBDIR}/${ironwal_static_name}")
if(IRONWAL_INSTALL_STATIC)
    install(FILES "${ironwal_lib_dir}/${ironwal_static_name}"
            DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT static)
    ironwal_strip(static "${ironwal_strip_debug}" "${ironwal_installed_static}")
endif()

if(ironwal_tool)
    install(PROGRAMS "${ironwal_tool}" DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT tools)
    ironwal_strip(tools "${ironwal_strip_symbols}" "${CMAKE_INSTALL_BINDIR}/${ironwal_tool_name}")
    # The tool printed these (tests/ironwalctl/generated_files.rs), so that a cross build need not run it.
    install(FILES share/ironwalctl.1 DESTINATION "${CMAKE_INSTALL_MANDIR}/man1" COMPONENT tools)
    install(FILES share/ironwalctl.bash RENAME ironwalctl COMPONENT tools
            DESTINATION "${CMAKE_INSTALL_DATADIR}/bash-completion/completions")
    install(FILES share/_ironwalctl COMPONENT tools
            DESTINATION "${CMAKE_INSTALL_DATADIR}/zsh/site-functions")
    install(FILES share/ironwalctl.fish COMPONENT tools
            DESTINATION "${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d")
    install(DIRECTORY docs/schemas COMPONENT tools DESTINATION "${CMAKE_INSTALL_DATADIR}/ironwal")
endif()

configure_package_config_file(cmake/ironwalConfig.cmake.in
    "${PROJECT_BINARY_DIR}/package/ironwalConfig.cmake"
    INSTALL_DESTINATION "${ironwal_config_dir}"
    PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR
              ironwal_installed_shared ironwal_installed_static
    NO_SET_AND_CHECK_MACRO)
# As the soname: until 1.0 a minor version may change the interface.
set(ironwal_compatibility SameMajorVersion)
if(PROJECT_VERSION_MAJOR EQUAL 0)
    set(ironwal_compatibility SameMinorVersion)
endif()
write_basic_package_version_file("${PROJECT_BINARY_DIR}/package/ironwalConfigVersion.cmake"
    VERSION "${PROJECT_VERSION}" COMPATIBILITY ${ironwal_compatibility})
install(FILES "${PROJECT_BINARY_DIR}/package/ironwalConfig.cmake"
              "${PROJECT_BINARY_DIR}/package/ironwalConfigVersion.cmake"
        DESTINATION "${ironwal_config_dir}" COMPONENT development)

# pkg-config finds the prefix from where the .pc file lies, so that the tree may be moved; a directory that was given
# as an absolute one stays where it is.
set(ironwal_pc_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
set(ironwal_pc_libdir "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
if(IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
    set(ironwal_pc_includedir "${CMAKE_INSTALL_INCLUDEDIR}")
endif()
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
    set(ironwal_pc_libdir "${CMAKE_INSTALL_LIBDIR}")
    set(ironwal_pc_prefix "${CMAKE_INSTALL_PREFIX}")
else()
    file(RELATIVE_PATH ironwal_pc_prefix
         "${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
    string(REGEX REPLACE "/$" "" ironwal_pc_prefix "\${pcfiledir}/${ironwal_pc_prefix}")
endif()
foreach(pc IN ITEMS ironwal ironwal-static)
    configure_file("cmake/${pc}.pc.in" "${PROJECT_BINARY_DIR}/package/${pc}.pc" @ONLY)
endforeach()
if(IRONWAL_INSTALL_SHARED)
    install(FILES "${PROJECT_BINARY_DIR}/package/ironwal.pc"
            DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig" COMPONENT development)
endif()
if(IRONWAL_INSTALL_STATIC)
    install(FILES "${PROJECT_BINARY_DIR}/package/ironwal-static.pc"
            DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig" COMPONENT static)
endif()

install(FILES LICENSE packaging/THIRD_PARTY.txt packaging/ironwal.cdx.json
        DESTINATION "${CMAKE_INSTALL_DOCDIR}" COMPONENT licenses)
