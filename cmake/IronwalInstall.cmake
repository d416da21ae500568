# What is installed, and where?

include(CMakePackageConfigHelpers)

set(ironwal_config_dir "${CMAKE_INSTALL_LIBDIR}/cmake/ironwal")

install(FILES include/ironwal.h include/ironwal.hpp include/module.modulemap
        DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT development)
if(WIN32)
    install(PROGRAMS "${ironwal_lib_dir}/${ironwal_shared_name}"
            DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT shared)
    install(FILES "${ironwal_lib_dir}/ironwal.lib"
            DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT shared)
    set(ironwal_installed_shared "${CMAKE_INSTALL_BINDIR}/${ironwal_shared_name}")
else()
    install(PROGRAMS "${ironwal_lib_dir}/${ironwal_shared_name}"
            DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT shared)
    foreach(link IN LISTS ironwal_shared_links)
        install(FILES "${ironwal_lib_dir}/${link}"
                DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT shared)
    endforeach()
    set(ironwal_installed_shared "${CMAKE_INSTALL_LIBDIR}/${ironwal_shared_name}")
endif()
install(FILES "${ironwal_lib_dir}/${ironwal_static_name}"
        DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT static)
set(ironwal_installed_static "${CMAKE_INSTALL_LIBDIR}/${ironwal_static_name}")

if(ironwal_tool)
    install(PROGRAMS "${ironwal_tool}" DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT tools)
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
write_basic_package_version_file("${PROJECT_BINARY_DIR}/package/ironwalConfigVersion.cmake"
    VERSION "${PROJECT_VERSION}" COMPATIBILITY SameMajorVersion)
install(FILES "${PROJECT_BINARY_DIR}/package/ironwalConfig.cmake"
              "${PROJECT_BINARY_DIR}/package/ironwalConfigVersion.cmake"
        DESTINATION "${ironwal_config_dir}" COMPONENT development)

# pkg-config finds the prefix from where the .pc file lies, so that the tree may be moved.
file(RELATIVE_PATH ironwal_pc_prefix
     "${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
string(REGEX REPLACE "/$" "" ironwal_pc_prefix "${ironwal_pc_prefix}")
configure_file(cmake/ironwal.pc.in "${PROJECT_BINARY_DIR}/package/ironwal.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/package/ironwal.pc"
        DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig" COMPONENT development)
