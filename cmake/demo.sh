#!/bin/sh
# Builds the examples and runs them: the quick start, a search in 10,000 dictionary entries, and what hybrid search finds there.
# usage: cmake/demo.sh [words to search for ...]     the arguments go to the example word_search
set -eu
cd "$(dirname "$0")/.."

./cmake/packages.sh
cmake --preset release --log-level=WARNING >/dev/null
# Every program of examples/ is built by this one target; ninja shows the progress.
cmake --build --preset release --target examples

# In the build folder: what an example writes stays there.
cd build/release
run() {
    program=./examples/$1
    [ -x "$program" ] || return 0
    echo
    echo "== $*"
    shift
    "$program" "$@"
}
run quickstart
run word_search "$@"
run rag evaluate
