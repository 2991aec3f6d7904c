#!/bin/sh
# Builds the kernels and their tests for AArch64 with a cross compiler, and runs them under qemu-user: NEON needs no such
# machine to be tested. Installs nothing; cmake/packages.sh --neon does.
# usage: cmake/test_neon.sh [arguments of the test program, e.g. "[pack]"]     builds in build/neon
set -eu
cd "$(dirname "$0")/.."

compiler=${CXX_AARCH64:-aarch64-linux-gnu-g++}
runner=${QEMU_AARCH64:-qemu-aarch64}
missing=
for tool in "$compiler" "$runner"; do
    command -v "$tool" >/dev/null || missing="$missing $tool"
done
catch=/usr/include/catch2
[ -f $catch/catch.hpp ] || missing="$missing $catch/catch.hpp"
if [ -n "$missing" ]; then
    echo "missing:$missing (on Debian: cmake/packages.sh --neon)" >&2
    exit 1
fi

# Of /usr/include the test framework alone: the rest of it belongs to this machine's compiler.
build=build/neon
mkdir -p $build/include
ln -sfn $catch $build/include/catch2
echo '#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>' > $build/main.cpp

sources="$build/main.cpp lib/distance/kernel_table.cpp lib/distance/kernels_baseline.cpp lib/distance/kernels_neon.cpp
    lib/quantization/kernel_table.cpp lib/quantization/kernels_baseline.cpp lib/quantization/kernels_neon.cpp
    lib/quantization/fast_scan.cpp lib/quantization/fast_scan_baseline.cpp lib/quantization/fast_scan_neon.cpp"
objects=
for source in $sources tests/unit/distance/*_test.cpp tests/unit/quantization/*_test.cpp; do
    object=$build/$(echo "$source" | tr / _).o
    objects="$objects $object"
    "$compiler" -std=c++20 -O3 -Wall -Wextra -Wpedantic -Wshadow -Werror -DVECSTORE_COMPILED=1 -DCATCH_CONFIG_NO_POSIX_SIGNALS \
        -Iinclude -Ilib -I$build/include -Itests -c "$source" -o "$object" &
    # Two at a time: the test framework's main takes as long as all others.
    [ "$source" = $build/main.cpp ] || wait $!
done
wait
# shellcheck disable=SC2086
"$compiler" -static $objects -o $build/test_kernels
exec "$runner" $build/test_kernels "$@"
