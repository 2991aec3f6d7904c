#!/bin/sh
# Installs what a build on Debian 12 needs and lacks. Does nothing, and says nothing, when all is there.
# usage: cmake/packages.sh [--tests|--neon]     --tests: what cmake/test.sh needs beside; --neon: what cmake/test_neon.sh needs
set -eu

wanted="g++ cmake ninja-build ccache pkg-config git
    libboost1.81-dev libboost-json1.81-dev libfmt-dev liblmdb-dev libroaring-dev libxxhash-dev libfaiss-dev libssl-dev libcli11-dev
    libutf8proc-dev libstemmer-dev libeigen3-dev
    catch2 librapidcheck-dev libbenchmark-dev libhnswlib-dev clang-14 libclang-rt-14-dev"
case "${1:-}" in
    "") ;;
    --tests) wanted="$wanted etcd-server" ;;  # a daemon, so not for everybody
    --neon) wanted="g++-aarch64-linux-gnu qemu-user catch2" ;;
    *) echo "usage: $0 [--tests|--neon]" >&2; exit 2 ;;
esac
command -v dpkg-query >/dev/null || exit 0  # another system: its own packages, see vcpkg.json and conanfile.py

# One call for all: a line for each package that is installed.
# shellcheck disable=SC2016,SC2086
installed=" $(dpkg-query -W -f='${db:Status-Status} ${Package}\n' $wanted 2>/dev/null | sed -n 's/^installed //p' | tr '\n' ' ') "
missing=
for package in $wanted; do
    case "$installed" in *" $package "*) ;; *) missing="$missing $package" ;; esac
done
[ -n "$missing" ] || exit 0

as_root=
[ "$(id -u)" = 0 ] || as_root=sudo
echo "installing:$missing"
# shellcheck disable=SC2086
install() { DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -q --no-install-recommends $missing; }
# Package lists may be missing (a bare container) or too old to fetch from.
if ! install >/dev/null 2>&1; then
    $as_root apt-get update -q
    install
fi
