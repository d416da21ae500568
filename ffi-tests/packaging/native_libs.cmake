# Are the libraries that the static target links those that rustc named for it?
file(READ "${SAID}" said)
separate_arguments(said UNIX_COMMAND "${said}")
# The compiler driver adds libgcc_s itself, or libgcc_eh with -static.
list(REMOVE_ITEM said -lgcc_s)
separate_arguments(used UNIX_COMMAND "${USED}")
if(NOT said OR NOT said STREQUAL used)
    message(FATAL_ERROR "rustc says \"${said}\", ironwal::static links \"${used}\"")
endif()
message(STATUS "ironwal::static links ${used}")
