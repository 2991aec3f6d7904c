#!/bin/bash
# Runs one fault campaign; tests/README.md says what each proves and how long it takes. The last line sums up, e.g.
# "torn: 262144 tried, 0 lost, 0 wrong"; the exit status is 0 when nothing was.
# usage: cmake/campaign.sh torn|crash|lmdb|bitflip|diskfault|kill9|fuzz|sim|sim_files|museum|failover|switchover|etcd_outage|lag [count]
#        count: points tried, rounds, executions of each fuzzer, or seeds of the simulator; without it all of them, of sim 500, of sim_files 100;
#        changes of leader: 20; seconds without etcd: 60; of lag: seconds of each measurement, 10.
#        SEED=n: another workload, or the first seed
#        ENCRYPTED=1: crash, bitflip and diskfault on an encrypted store
set -u
cd "$(dirname "$0")/.." || exit 1

usage() { sed -n 's/^# usage: /usage: /p' "$0" >&2; exit 2; }
if [ $# -lt 1 ] || [ $# -gt 2 ]; then usage; fi
name=$1
count=${2:-}
case $name in torn | crash | lmdb | bitflip | diskfault | kill9 | fuzz | sim | sim_files | museum) ;;
    failover | switchover | etcd_outage | lag) ;; *) usage ;; esac
case $count in *[!0-9]* | 0) usage ;; esac

./cmake/packages.sh --tests || exit 1
preset=campaign
[ "$name" = fuzz ] && preset=fuzz
cmake --preset "$preset" --log-level=WARNING >/dev/null || exit 1

# Clusters of the replication protocol in one thread, and the faults put into it.
if [ "$name" = sim ] || [ "$name" = sim_files ] || [ "$name" = museum ]; then
    cmake --build --preset "$preset" -j "$(nproc)" --target sim_program >&2 || exit 1
    [ "$name" = museum ] && exec "build/$preset/tests/sim_program" museum "${count:-500}"
    [ "$name" = sim_files ] && exec "build/$preset/tests/sim_program" files "${count:-100}" 50000 "${SEED:-1}"
    exec "build/$preset/tests/sim_program" "${count:-500}" 50000 "${SEED:-1}"
fi
# Real processes over sockets of this machine, with a real etcd.
case $name in failover | switchover | etcd_outage | lag)
    cmake --build --preset "$preset" -j "$(nproc)" --target cluster_program >&2 || exit 1
    case $name in etcd_outage) usual=60 ;; lag) usual=10 ;; *) usual=20 ;; esac
    exec "build/$preset/tests/cluster_program" "$name" "${count:-$usual}" "${SEED:-1}" ;;
esac
if [ "$name" != fuzz ]; then
    cmake --build --preset "$preset" -j "$(nproc)" --target campaign_program kill9_writer_program >&2 || exit 1
    all=18446744073709551615
    VECSTORE_TEST_PROGRAMS=build/$preset/tests exec "build/$preset/tests/campaign_program" "$name" "${count:-$all}" \
        "${SEED:-1}" ${ENCRYPTED:+encrypted}
fi

# Each fuzzer in turn, from a copy of the corpus. An input that it finds stays in the build folder.
count=${count:-1000000}
mapfile -t sources < <(ls tests/fuzz/fuzz_*.cpp)
mapfile -t fuzzers < <(basename -s .cpp -a "${sources[@]}")
cmake --build --preset fuzz -j "$(nproc)" --target "${fuzzers[@]}" >&2 || exit 1
tried=0 wrong=0
for fuzzer in "${fuzzers[@]}"; do
    work=build/fuzz/campaign/$fuzzer
    mkdir -p "$work/corpus"
    folders=()
    for folder in "tests/fuzz/corpus/$fuzzer" "tests/fuzz/corpus/${fuzzer#fuzz_}"; do
        [ -d "$folder" ] && folders+=("$folder")
    done
    if "build/fuzz/tests/$fuzzer" -runs="$count" -timeout=20 -rss_limit_mb=2048 -malloc_limit_mb=256 -verbosity=0 \
        -print_final_stats=1 -artifact_prefix="$work/" "$work/corpus" "${folders[@]}" >"$work/log" 2>&1; then
        done_now=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log")
        tried=$((tried + ${done_now:-0}))
        echo "$fuzzer: ${done_now:-0} executions, no finding"
    else
        wrong=$((wrong + 1))
        echo "$fuzzer: a finding, see $work/log"
    fi
done
echo "fuzz: $tried tried, 0 lost, $wrong wrong"
[ "$wrong" -eq 0 ] && [ "$tried" -gt 0 ]
