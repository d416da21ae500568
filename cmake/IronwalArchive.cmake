# How do the archives of two builds come to be equal? cpack writes the owner, the modes and the times of the files as they
# are on the machine; here they are packed once more without these, where tar is GNU's.
#
# Run by cpack on what it has packed. Files are as old as SOURCE_DATE_EPOCH, if that is set.
if(NOT CPACK_GENERATOR STREQUAL "TGZ")
    return()
endif()
execute_process(COMMAND tar --version OUTPUT_VARIABLE version ERROR_QUIET RESULT_VARIABLE result)
if(NOT result EQUAL 0 OR NOT version MATCHES "GNU tar")
    return()
endif()
set(date "")
if(DEFINED ENV{SOURCE_DATE_EPOCH})
    set(date "--mtime=@$ENV{SOURCE_DATE_EPOCH}")
endif()
foreach(package IN LISTS CPACK_PACKAGE_FILES)
    set(tree "${package}.tree")
    file(REMOVE_RECURSE "${tree}")
    file(MAKE_DIRECTORY "${tree}")
    execute_process(COMMAND tar -xzf "${package}" -C "${tree}" COMMAND_ERROR_IS_FATAL ANY)
    file(GLOB roots RELATIVE "${tree}" "${tree}/*")
    set(ENV{LC_ALL} C)
    execute_process(
        COMMAND tar --format=gnu --sort=name ${date} --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX -cf - -C "${tree}" ${roots}
        COMMAND gzip -9n OUTPUT_FILE "${package}.new" COMMAND_ERROR_IS_FATAL ANY)
    file(RENAME "${package}.new" "${package}")
    file(REMOVE_RECURSE "${tree}")
endforeach()
