# Does the header's documentation hold together? Every warning is an error.
file(MAKE_DIRECTORY "${WORK_DIR}")
file(WRITE "${WORK_DIR}/Doxyfile" "
PROJECT_NAME = ironwal
INPUT = \"${SOURCE_DIR}/include/ironwal.h\"
OUTPUT_DIRECTORY = \"${WORK_DIR}\"
GENERATE_LATEX = NO
GENERATE_XML = YES
GENERATE_HTML = NO
OPTIMIZE_OUTPUT_FOR_C = YES
JAVADOC_AUTOBRIEF = YES
EXTRACT_ALL = NO
WARN_IF_UNDOCUMENTED = YES
WARN_IF_DOC_ERROR = YES
WARN_NO_PARAMDOC = NO
QUIET = YES
")
execute_process(COMMAND "${DOXYGEN}" "${WORK_DIR}/Doxyfile" WORKING_DIRECTORY "${WORK_DIR}"
                ERROR_VARIABLE warnings OUTPUT_QUIET RESULT_VARIABLE result)
if(NOT result EQUAL 0 OR NOT warnings STREQUAL "")
    message(FATAL_ERROR "doxygen (${result}):\n${warnings}")
endif()
message(STATUS "doxygen has nothing to say")
