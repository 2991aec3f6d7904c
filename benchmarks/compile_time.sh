#!/bin/sh
# How long the compiler takes over a file that includes one public header: the price each user's source file pays.
# usage: benchmarks/compile_time.sh [header ...]     default: vecstore/vecstore.hpp; CXX chooses the compiler
set -eu
cd "$(dirname "$0")/.."

[ $# -gt 0 ] || set -- vecstore/vecstore.hpp
for header in "$@"; do
    best=
    for _ in 1 2 3; do
        start=$(date +%s%N)
        echo "#include <$header>" | "${CXX:-g++}" -std=c++20 -O2 -Iinclude -DVECSTORE_COMPILED=1 -x c++ -c -o /dev/null -
        took=$((($(date +%s%N) - start) / 1000000))
        if [ -z "$best" ] || [ "$took" -lt "$best" ]; then best=$took; fi
    done
    printf '%6d ms  %s\n' "$best" "$header"
done
