#!/bin/bash
# Builds and tests everything, in every sanitizer. The last line sums up; the exit status is 0 when all is well.
# usage: cmake/test.sh [stage ...]     without arguments: plain asan-ubsan tsan fuzz
#        dev: everything in one plain build, for the desk
set -u
cd "$(dirname "$0")/.." || exit 1

./cmake/packages.sh --tests || exit 1
jobs=$(nproc)
results=$(mktemp -d) || exit 1
trap 'rm -rf "$results"' EXIT
failed_stages=()

build() { cmake --preset "$1" --log-level=WARNING >/dev/null && cmake --build --preset "$1" -j "$jobs"; }

# Sanitizers of these compilers cannot map their shadow where newer kernels may put a program: no randomisation, if allowed.
fixed=(setarch "$(uname -m)" -R)
"${fixed[@]}" true 2>/dev/null || fixed=()

# Runs ctest in a preset's build folder, and keeps the result lines for the summary.
check() {
    local preset=$1
    shift
    "${fixed[@]}" ctest --test-dir "build/$preset" -j "$jobs" --output-on-failure --no-tests=error \
        --output-junit "$results/$preset.xml" "$@"
}

stage_dev() { build dev && check dev; }
# What no sanitizer need watch: examples, packages, checks of sources, gates of recall.
stage_plain() { build plain && check plain; }
stage_asan-ubsan() { build asan-ubsan && check asan-ubsan; }
# That build has what starts threads.
stage_tsan() { build tsan && check tsan; }
# Its compiler, clang, also checks the annotations of locks.
stage_fuzz() { build fuzz && check fuzz; }

# Sums an attribute over the result files: `total tests`, `total failures`.
total() {
    local sum=0 value
    while read -r value; do sum=$((sum + value)); done \
        < <(grep -hoE "^[[:space:]]*$1=\"[0-9]+\"" "$results"/*.xml 2>/dev/null | grep -oE '[0-9]+')
    echo "$sum"
}

stages=("$@")
[ $# -gt 0 ] || stages=(plain asan-ubsan tsan fuzz)
for stage in "${stages[@]}"; do
    if ! declare -F "stage_$stage" >/dev/null; then
        echo "no such stage: $stage" >&2
        exit 2
    fi
    echo "== $stage"
    SECONDS=0
    "stage_$stage" || failed_stages+=("$stage")
    echo "== $stage: $SECONDS s"
done

failed=$(total failures)
skipped=$(($(total skipped) + $(total disabled)))
passed=$(($(total tests) - failed - skipped))
echo
[ ${#failed_stages[@]} -eq 0 ] || echo "failed stages: ${failed_stages[*]}"
[ "$skipped" -eq 0 ] || echo "$skipped skipped"
echo "$passed passed, $failed failed"
[ ${#failed_stages[@]} -eq 0 ]
