# Does the archive that cpack makes work from where it is unpacked?
file(REMOVE_RECURSE "${WORK_DIR}")
file(MAKE_DIRECTORY "${WORK_DIR}/prefix")
execute_process(COMMAND "${CPACK}" --config "${BUILD_DIR}/CPackConfig.cmake" -G TGZ -B "${WORK_DIR}/packages"
                OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
file(GLOB archives "${WORK_DIR}/packages/ironwal-${VERSION}-*.tar.gz")
list(LENGTH archives count)
if(NOT count EQUAL 1)
    message(FATAL_ERROR "cpack made ${count} archives: ${archives}")
endif()
file(ARCHIVE_EXTRACT INPUT "${archives}" DESTINATION "${WORK_DIR}/prefix")
file(GLOB prefix "${WORK_DIR}/prefix/*")
file(GLOB_RECURSE licenses "${prefix}/*/LICENSE" "${prefix}/*/THIRD_PARTY.txt" "${prefix}/*/ironwal.cdx.json")
list(LENGTH licenses count)
if(NOT count EQUAL 3)
    message(FATAL_ERROR "licences in the archive: ${licenses}")
endif()

execute_process(COMMAND "${CMAKE_COMMAND}" -S "${CONSUMER}" -B "${WORK_DIR}/consumer" "-DCMAKE_C_COMPILER=${CC}"
                        "-DCMAKE_PREFIX_PATH=${prefix}" "-DEXPECTED_VERSION=${VERSION}"
                OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND "${CMAKE_COMMAND}" --build "${WORK_DIR}/consumer" OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
foreach(kind IN ITEMS shared static)
    execute_process(COMMAND "${WORK_DIR}/consumer/consumer_${kind}" "${WORK_DIR}/log-${kind}"
                    OUTPUT_VARIABLE output COMMAND_ERROR_IS_FATAL ANY)
    if(NOT output MATCHES "ironwal ${VERSION}: 0: consumer")
        message(FATAL_ERROR "consumer_${kind} printed: ${output}")
    endif()
endforeach()
execute_process(COMMAND "${prefix}/bin/ironwalctl" --version COMMAND_ERROR_IS_FATAL ANY)
