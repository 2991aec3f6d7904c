# Fuzzes for a while. Arguments: PROGRAM, CORPUS (list of folders, may be empty), WORK (build folder for new inputs).
# The environment variable VECSTORE_FUZZ_SECONDS sets the time.
set(seconds 4)
if(DEFINED ENV{VECSTORE_FUZZ_SECONDS})
    set(seconds $ENV{VECSTORE_FUZZ_SECONDS})
endif()
file(MAKE_DIRECTORY ${WORK}/corpus)
execute_process(
    COMMAND ${PROGRAM} -max_total_time=${seconds} -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0
        -artifact_prefix=${WORK}/ ${WORK}/corpus ${CORPUS}
    RESULT_VARIABLE status)
if(NOT status EQUAL 0)
    message(FATAL_ERROR "the fuzzer found an input, kept in ${WORK}: ${status}")
endif()
