# The include graph: a folder is a layer and includes only the layers named here; third-party headers stay where they are
# wrapped. Argument: ROOT.
cmake_minimum_required(VERSION 3.25)
include(${CMAKE_CURRENT_LIST_DIR}/sources.cmake)

set(allowed_core "")
set(allowed_distance core)
set(allowed_quantization core distance)
set(allowed_payload core)
set(allowed_filter core payload)
set(allowed_text core)
set(allowed_storage core)
set(allowed_wal core storage)
set(allowed_index core distance quantization storage)
set(allowed_field_index core payload filter text storage)
set(allowed_collection core distance quantization payload filter text storage wal index field_index)
set(allowed_database core storage payload filter wal collection)
set(allowed_replication core storage wal database)
set(allowed_http core payload filter collection database)
set(allowed_cli core distance quantization payload filter text storage wal index field_index collection database
    replication http)
# What needs nothing but the standard library never includes what does.
set(headers_target
    "^include/vecstore/(core|distance|quantization)/|^include/vecstore/index/(rows|row_distances|coded_rows|flat|hnsw|sealed_hnsw)|^include/vecstore/filter/(expression|dsl)")
set(headers_target_layers core distance quantization filter index)

# <first folder or file of the include>|<regular expression of the files that may include it>
set(confined
    "boost/json|^lib/(payload|http|replication/net)/"
    "boost/asio|^(lib|include/vecstore)/http/|^lib/replication/net/|^include/vecstore/replication/"
    "boost/beast|^lib/(http|replication/net)/"
    "lmdb.h|^lib/storage/lmdb[a-z_]*\\.[ch]pp$"
    "xxhash.h|^lib/storage/checksum\\.cpp$"
    "faiss/|^lib/(index/ivf[a-z_]*|quantization/product)\\.cpp$"
    "roaring/|^(lib|include/vecstore)/field_index/"
    "libstemmer|^lib/text/"
    "utf8proc|^lib/text/"
    "CLI/|^lib/cli/"
    "openssl/|^lib/((replication/net|http)/|storage/aes_gcm\\.cpp$)"
    "fmt/|^lib/|^include/vecstore/payload/format\\.hpp$"
    "immintrin.h|^(lib|include/vecstore)/(distance|quantization|index)/"
    "arm_neon.h|^(lib|include/vecstore)/(distance|quantization)/"
    "hnswlib/|^$")

list_sources(files include lib)
foreach(file IN LISTS files)
    if(NOT file MATCHES "^(include/vecstore|lib)/([a-z_]+)/")
        continue()  # vecstore.hpp names them all
    endif()
    set(layer ${CMAKE_MATCH_2})
    if(NOT DEFINED allowed_${layer})
        report("${file}: '${layer}' is not a layer")
        continue()
    endif()
    file(STRINGS ${ROOT}/${file} includes REGEX "^ *# *include")
    foreach(line IN LISTS includes)
        string(REGEX REPLACE "^ *# *include *[<\"]([^>\"]*)[>\"].*" "\\1" target "${line}")
        set(to none)
        if(target MATCHES "^(vecstore/)?([a-z_]+)/")
            set(to ${CMAKE_MATCH_2})
        endif()
        if(DEFINED allowed_${to})
            if(NOT to STREQUAL layer AND NOT to IN_LIST allowed_${layer})
                report("${file}: layer ${layer} must not include ${target}")
            elseif(file MATCHES "${headers_target}" AND NOT to IN_LIST headers_target_layers)
                report("${file}: vecstore::headers must not include ${target}")
            endif()
        elseif(target STREQUAL "vecstore/vecstore.hpp")
            report("${file}: the library must not include ${target}")
        endif()
        foreach(entry IN LISTS confined)
            string(REGEX MATCH "^([^|]*)\\|(.*)$" _ "${entry}")
            set(prefix ${CMAKE_MATCH_1})
            set(places "${CMAKE_MATCH_2}")
            string(FIND "${target}" "${prefix}" at)
            if(at EQUAL 0 AND NOT file MATCHES "${places}")
                report("${file}: <${target}> is confined to ${places}")
            endif()
        endforeach()
    endforeach()
endforeach()
finish()
