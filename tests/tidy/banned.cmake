# Calls and words that a library in somebody else's process must not have. Argument: ROOT.
cmake_minimum_required(VERSION 3.25)
include(${CMAKE_CURRENT_LIST_DIR}/sources.cmake)

# <name>%<regular expression, on code without comments and strings>%<files that may>
set(rules
    "std::cout / std::cerr / std::clog%std::(cout|cerr|clog)%^lib/cli/"
    "printf%(^|[^A-Za-z0-9_])(v?f?printf|puts|fputs|putchar) *\\(%^lib/cli/"
    "fmt::print%fmt::print *\\(%^lib/cli/"
    "std::endl%std::endl%^$"
    "abort%(^|[^A-Za-z0-9_.>:]|std::)(abort|_Exit|quick_exit) *\\(%^$"
    "exit%(^|[^A-Za-z0-9_.>:]|std::)_?exit *\\(%^lib/cli/"
    "assert from <cassert>%(^|[^A-Za-z0-9_])assert *\\(%^$"
    "rand%(^|[^A-Za-z0-9_])s?rand *\\(%^$"
    "random_device, where no seed, salt or uuid is made%std::random_device%/core/random\\.[ch]pp$|^lib/(database/open|wal/writer)\\.cpp$"
    "wall clock%chrono::system_clock%/core/clock\\.[ch]pp$"
    "signal handler%(^|[^A-Za-z0-9_])(std::)?(signal|sigaction) *\\(%^lib/cli/"
    "naked new%(^|[^A-Za-z0-9_])new +([A-Za-z_:]|.std::nothrow)%/core/(chunked_array|published)\\.hpp$"
    "naked delete%(^|[^A-Za-z0-9_])delete *(<>)? +[A-Za-z_:*(]%/core/(chunked_array|published)\\.hpp$"
    "using namespace std%using namespace std%^$")

list_sources(files include lib)
foreach(file IN LISTS files)
    read_source(text ${file})
    strip_source(code "${text}")
    # A smart pointer that takes it at once owns it: the way to a private constructor.
    string(REGEX REPLACE "_ptr<[A-Za-z0-9_: ]+>( +[a-z_]+)?([({])new " "_ptr\\2" code "${code}")
    foreach(rule IN LISTS rules)
        string(REGEX MATCH "^([^%]*)%([^%]*)%([^%]*)$" _ "${rule}")
        set(name ${CMAKE_MATCH_1})
        set(pattern "${CMAKE_MATCH_2}")
        set(exempt "${CMAKE_MATCH_3}")
        if(NOT code MATCHES "${pattern}" OR file MATCHES "${exempt}")
            continue()
        endif()
        split_lines(lines "${code}")
        set(number 0)
        foreach(line IN LISTS lines)
            math(EXPR number "${number} + 1")
            if(line MATCHES "${pattern}")
                report("${file}:${number}: ${name}")
            endif()
        endforeach()
    endforeach()
endforeach()

# Notes to ourselves belong in an issue, in all of the tree.
list_sources(files include lib tests examples benchmarks)
list(FILTER files EXCLUDE REGEX "^tests/tidy/")
foreach(file IN LISTS files)
    file(STRINGS ${ROOT}/${file} notes REGEX "(^|[^A-Za-z])(TO[D]O|FIX[M]E|XX[X])([^A-Za-z]|$)")
    if(notes)
        report("${file}: unfinished business noted in the source")
    endif()
    file(READ ${ROOT}/${file} text)
    # Words of other languages are what that one list is.
    if(text MATCHES "[^\t\n -~]" AND NOT file MATCHES "^tests/|^lib/text/stop_words\\.cpp$")
        report("${file}: not ASCII")
    endif()
endforeach()
finish()
