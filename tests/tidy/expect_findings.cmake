# A rule that finds nothing proves nothing: runs it on a bad tree. Arguments: RULE, TREE (with expected.txt: one part of the
# output for each line, and as many findings as lines).
cmake_minimum_required(VERSION 3.25)
execute_process(COMMAND ${CMAKE_COMMAND} -DROOT=${TREE} -P ${RULE}
    RESULT_VARIABLE status ERROR_VARIABLE output OUTPUT_QUIET)
if(status EQUAL 0)
    message(FATAL_ERROR "no finding in ${TREE}")
endif()
file(STRINGS ${TREE}/expected.txt expectations)
list(LENGTH expectations count)
if(NOT output MATCHES "[^0-9]${count} findings:")
    message(FATAL_ERROR "not ${count} findings:\n${output}")
endif()
# CMake may wrap what it prints.
string(REGEX REPLACE "[ \n]+" " " output "${output}")
foreach(expectation IN LISTS expectations)
    string(FIND "${output}" "${expectation}" at)
    if(at EQUAL -1)
        message(FATAL_ERROR "not found: ${expectation}\n${output}")
    endif()
endforeach()
