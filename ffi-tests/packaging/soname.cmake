# Has the shared library its soname, and does it stay loaded after dlclose?
execute_process(COMMAND "${READELF}" -d "${LIBRARY}" OUTPUT_VARIABLE dynamic
                COMMAND_ERROR_IS_FATAL ANY)
if(NOT dynamic MATCHES "SONAME[^\n]*\\[${SONAME}\\]")
    message(FATAL_ERROR "the soname is not ${SONAME}:\n${dynamic}")
endif()
if(NOT dynamic MATCHES "FLAGS_1[^\n]*NODELETE")
    message(FATAL_ERROR "NODELETE is missing:\n${dynamic}")
endif()
message(STATUS "${SONAME}, NODELETE")
