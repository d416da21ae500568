# What differs between the packages that cpack makes? Read by cpack, once for each kind.
if(CPACK_GENERATOR STREQUAL "DEB")
    # Each package has its licences in its own directory: debian.cmake.in.
    list(REMOVE_ITEM CPACK_COMPONENTS_ALL licenses)
else()
    set(CPACK_STRIP_FILES ON)
    set(CPACK_PACKAGING_INSTALL_PREFIX "/")
endif()
