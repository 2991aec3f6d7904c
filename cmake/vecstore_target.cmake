# What each of our own targets gets, and nothing else does: no global flags.
include_guard(GLOBAL)

if(VECSTORE_CCACHE)
    find_program(VECSTORE_CCACHE_PROGRAM ccache)
    mark_as_advanced(VECSTORE_CCACHE_PROGRAM)
    if(VECSTORE_CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
        # Source paths are absolute, so the build folder need not be part of the cache key. What it must not be strict
        # about is for the sake of precompiled headers.
        set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
            CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime ${VECSTORE_CCACHE_PROGRAM})
    endif()
endif()

# vecstore_target(<target>): warnings, and no compiler extensions.
function(vecstore_target target)
    set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow
        $<$<BOOL:${VECSTORE_WARNINGS_AS_ERRORS}>:-Werror>
        # g++ 12 sees overlapping copies in `"text" + std::string` (GCC bug 105329), and values of empty optionals.
        $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict;-Wno-maybe-uninitialized>)
    if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_FLAGS MATCHES "-fsanitize")
        # g++ sees uninitialised variables where the sanitizers' own code stands between, in the standard library too,
        # and warns of every atomic_thread_fence.
        target_compile_options(${target} PRIVATE -Wno-maybe-uninitialized -Wno-tsan)
    endif()
endfunction()

# vecstore_precompile(<target> <header>...): only where VECSTORE_PRECOMPILED_HEADERS says so, since a precompiled header hides
# what a source forgot to include.
function(vecstore_precompile target)
    if(NOT VECSTORE_PRECOMPILED_HEADERS)
        return()
    endif()
    target_precompile_headers(${target} PRIVATE ${ARGN})
    # What ccache asks for.
    target_compile_options(${target} PRIVATE
        $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess> $<$<CXX_COMPILER_ID:Clang>:SHELL:-Xclang -fno-pch-timestamp>)
endfunction()
