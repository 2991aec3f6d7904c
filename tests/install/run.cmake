# Installs into WORK/prefix, then configures, builds and runs tests/install/CONSUMER against it.
cmake_minimum_required(VERSION 3.25)

function(run)
    execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
    if(NOT status EQUAL 0)
        list(JOIN ARGN " " command)
        message(FATAL_ERROR "${command}\n${output}")
    endif()
endfunction()

# From the start: a stale prefix would hide a file that is no longer installed.
file(REMOVE_RECURSE ${WORK})
set(arguments)
if(CONSUMER STREQUAL "find_package")
    run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix)
    list(APPEND arguments -DCMAKE_PREFIX_PATH=${WORK}/prefix)
elseif(CONSUMER STREQUAL "headers_only")
    # An installation of the headers alone, which must not look for any other package.
    run(${CMAKE_COMMAND} -S ${SOURCE} -B ${WORK}/headers -G ${GENERATOR} -DCMAKE_CXX_COMPILER=${COMPILER}
        -DVECSTORE_LIBRARY=OFF -DVECSTORE_TESTS=OFF -DVECSTORE_EXAMPLES=OFF -DVECSTORE_BENCHMARKS=OFF
        -DCMAKE_DISABLE_FIND_PACKAGE_Boost=ON -DCMAKE_DISABLE_FIND_PACKAGE_fmt=ON)
    run(${CMAKE_COMMAND} --install ${WORK}/headers --prefix ${WORK}/prefix)
    list(APPEND arguments -DCMAKE_PREFIX_PATH=${WORK}/prefix)
else()
    # The same warnings as ours, so that a compiler cache serves it.
    list(APPEND arguments -DVECSTORE_SOURCE=${SOURCE} -DVECSTORE_WARNINGS_AS_ERRORS=ON -DVECSTORE_CCACHE=ON)
endif()
run(${CMAKE_COMMAND} -S ${SOURCE}/tests/install/${CONSUMER} -B ${WORK}/build -G ${GENERATOR}
    -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_BUILD_TYPE=${BUILD_TYPE} -DCMAKE_CXX_FLAGS=${FLAGS}
    -DCMAKE_CXX_FLAGS_DEBUG=${FLAGS_DEBUG} ${arguments})
if(CONSUMER STREQUAL "add_subdirectory" AND UNITY)
    # Its library would be compiled anew, which no cache could serve, for a link that every example of the build has had.
    run(${CMAKE_COMMAND} --build ${WORK}/build --target objects)
    return()
endif()
run(${CMAKE_COMMAND} --build ${WORK}/build)
run(${WORK}/build/consumer)
