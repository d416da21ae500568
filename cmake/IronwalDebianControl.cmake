# What do the Debian packages need that cpack has no word for, in most versions? "Multi-Arch: same" of the libraries, by
# which those of several architectures lie beside each other, and the trigger by which ldconfig runs. And files of one mode,
# one owner and one date, so that two builds compare equal: cpack takes the times at which the build made them.
#
# Run by cpack on what it has packed.
if(NOT CPACK_GENERATOR STREQUAL "DEB")
    return()
endif()
foreach(package IN LISTS CPACK_PACKAGE_FILES)
    get_filename_component(name "${package}" NAME)
    set(tree "${package}.tree")
    file(REMOVE_RECURSE "${tree}")
    execute_process(COMMAND dpkg-deb --raw-extract "${package}" "${tree}" COMMAND_ERROR_IS_FATAL ANY)
    file(READ "${tree}/DEBIAN/control" control)
    string(REGEX REPLACE "\n+$" "" control "${control}")
    if(name MATCHES "^libironwal" AND NOT control MATCHES "Multi-Arch:")
        string(APPEND control "\nMulti-Arch: same")
    endif()
    file(WRITE "${tree}/DEBIAN/control" "${control}\n")
    if(EXISTS "${tree}/DEBIAN/shlibs")
        file(REMOVE "${tree}/DEBIAN/postinst" "${tree}/DEBIAN/postrm")
        file(WRITE "${tree}/DEBIAN/triggers" "activate-noawait ldconfig\n")
    endif()
    # cpack 3.25 names the files of debugging information by their path on the build machine.
    if(EXISTS "${tree}/DEBIAN/md5sums")
        file(READ "${tree}/DEBIAN/md5sums" sums)
        string(REGEX REPLACE "  /[^\n]*-dbgsym/usr/" "  usr/" sums "${sums}")
        file(WRITE "${tree}/DEBIAN/md5sums" "${sums}")
    endif()
    # The umask of the build takes no part, nor do the times at which files were made.
    execute_process(COMMAND chmod -R u=rwX,go=rX "${tree}" COMMAND_ERROR_IS_FATAL ANY)
    if(DEFINED ENV{SOURCE_DATE_EPOCH})
        execute_process(COMMAND find "${tree}" -exec touch --no-dereference "--date=@$ENV{SOURCE_DATE_EPOCH}" "{}" +
                        COMMAND_ERROR_IS_FATAL ANY)
    endif()
    execute_process(COMMAND dpkg-deb --root-owner-group "-Z${CPACK_DEBIAN_COMPRESSION_TYPE}" --build "${tree}" "${package}"
                    OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
    file(REMOVE_RECURSE "${tree}")
endforeach()
