# Runs ann_bench on part of the shipped sample and looks at what it prints. Arguments: BENCH SAMPLE WORK.
cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})

function(run_bench code_expected)
    execute_process(COMMAND ${BENCH} --base ${WORK}/base.fvecs --query ${WORK}/query.fvecs --truth ${WORK}/truth.ivecs
        --ef-construct 60 --rounds 2 ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE out ERROR_VARIABLE err)
    if(NOT code EQUAL code_expected)
        message(FATAL_ERROR "ann_bench ${ARGN}: exit code ${code}, expected ${code_expected}\n${out}${err}")
    endif()
    set(out "${out}" PARENT_SCOPE)
endfunction()

function(expect pattern)
    if(NOT out MATCHES "${pattern}")
        message(FATAL_ERROR "no line matches ${pattern} in\n${out}")
    endif()
endfunction()

execute_process(COMMAND ${SAMPLE} ${WORK} 4000 COMMAND_ERROR_IS_FATAL ANY)

set(all --index hnsw,hnsw/none,flat,store:hnsw --store ${WORK}/store --cache ${WORK}/cache --ef 10,40,200 --rss)
run_bench(0 ${all} --at 0.95 --recall 0.9 --batch 8 --svg ${WORK}/plot.svg --while-inserting 0.2 --table)
expect("\"kind\":\"build\",\"engine\":\"hnsw\",\"build\":\"fresh\"")
expect("\"kind\":\"memory\",\"engine\":\"store:hnsw\"")
expect("\"engine\":\"hnsw\",\"ef\":200,\"recall\":(0\\.9[5-9]|1\\.0)")
expect("\"engine\":\"flat\",\"ef\":10,\"recall\":1\\.0000")
expect("\"engine\":\"store:hnsw x8\",\"ef\":40")
expect("\"kind\":\"recall\",\"engine\":\"store:hnsw\",\"asked\":0.9,\"recall\":(0\\.|1\\.0)")
expect("\"kind\":\"at\",\"recall\":0.95,\"engine\":\"hnsw\",\"qps\":[0-9]+,\"by\":\"cpu\",\"ratio\":{\"hnsw x8\":")
expect("\"kind\":\"while_inserting\",\"engine\":\"hnsw/none\"")
string(REGEX REPLACE "{[^\n]*}\n" "" rest "${out}")
if(NOT rest STREQUAL "")
    message(FATAL_ERROR "not one JSON object a line:\n${rest}")
endif()
file(READ ${WORK}/plot.svg svg)
if(NOT svg MATCHES "^<svg .*polyline.*</svg>\n$")
    message(FATAL_ERROR "plot.svg is not a plot:\n${svg}")
endif()

# Rows were inserted, so the store is no longer what a run would build; another one is, and the next finds it.
run_bench(0 --index store:hnsw --store ${WORK}/other --cache ${WORK}/cache --ef 20)
expect("\"build\":\"fresh\"")
run_bench(0 --index store:hnsw --store ${WORK}/other --cache ${WORK}/cache --ef 20)
expect("\"build\":\"cached\"")

run_bench(0 --index hnsw/none,store:hnsw --store ${WORK}/churned --churn 2 --ef 40)
expect("\"kind\":\"churn\",\"engine\":\"hnsw/none\",\"rounds\":2,\"ef\":40,\"recall\":0\\.9")
expect("\"kind\":\"churn\",\"engine\":\"store:hnsw\"")

# What cannot be done is said with exit code 2, what is wrong with 1.
run_bench(2 --index hnsw/no_such_code)
run_bench(2 --peer hnswlib)
run_bench(1 --index no_such_kind)
