#!/usr/bin/env bash
# Everything worth knowing about tilefire on a machine with a real GPU, as one report on standard output. Needs the
# program and Python, no Rust:
#
#     scripts/gpu_bench.sh BINARY [STEP...]        STEP: info equal colour small large hot long (all by default)
#
# Steps: the adapters; equality on spread and high zooms; looks that need counts back or make new ones; 10 M points;
# 100 M points; hot spots (one spot, four pixels taking turns); 100 M points to zoom 12. ADAPTER names another adapter than the best GPU (llvmpipe for a rehearsal),
# SMALL and LARGE other sizes, WORK a folder for the points, RUNS the timed runs. Fails when tile sets differ.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
tilefire=${1:?usage: gpu_bench.sh BINARY [STEP...]}
steps=("${@:2}")
[ ${#steps[@]} -gt 0 ] || steps=(info equal colour small large hot long)
small=${SMALL:-10M} large=${LARGE:-100M} runs=${RUNS:-5}
work=${WORK:-${TMPDIR:-/tmp}/tilefire-gpu}
mkdir -p "$work"
failed=0

points() { # points SIZE: a file of so many points, made once
    [ -e "$work/$1.csv" ] || "$tilefire" synth -n "$1" -o "$work/$1.csv"
}
count() { # 10M -> 10000000
    awk -v n="$1" 'BEGIN { f["k"] = 1e3; f["M"] = 1e6; f["G"] = 1e9; u = substr(n, length(n)); printf "%.0f", (u in f) ? n * f[u] : n }'
}
bench() { # bench TITLE ARGUMENT...
    printf '\n## %s\n\n' "$1"
    "$tilefire" bench "${@:2}" --runs "$runs" ${ADAPTER:+--adapter "$ADAPTER"} || { failed=1; echo "FAILED: $1"; }
}

for step in "${steps[@]}"; do
    case $step in
    info)
        printf '# tilefire on a GPU, %s\n\n' "$(date -u +%F)"
        "$tilefire" --version
        "$tilefire" info
        nvidia-smi --query-gpu=name,driver_version,memory.total,pcie.link.gen.current,pcie.link.width.current \
            --format=csv,noheader 2>/dev/null || true
        nproc; free -g 2>/dev/null | head -2 || true
        ;;
    equal)
        runs=1 bench "equality: 1 M points, z 0..14, spread 2" -n 1M -z 0..14 --spread 2
        ;;
    colour)
        points "$small"
        bench "$small points, z 0..10, a sum" "$work/$small.csv" -z 0..10 --spread 2 --spread-op add
        bench "$small points, z 0..10, a bell" "$work/$small.csv" -z 0..10 --spread 8 --spread-op add \
            --spread-shape gaussian
        bench "$small points, z 0..10, eq-hist" "$work/$small.csv" -z 0..10 --how eq-hist
        bench "$small points, z 0..10, spread auto, p99.5" "$work/$small.csv" -z 0..10 --spread auto --span p99.5
        bench "$small points, z 0..10, full colour" "$work/$small.csv" -z 0..10 --truecolor
        ;;
    small)
        points "$small"
        bench "$small points, z 0..10" "$work/$small.csv" -z 0..10
        bench "$small points, z 0..14" "$work/$small.csv" -z 0..14
        ;;
    large)
        points "$large"
        bench "$large points, z 0..10" "$work/$large.csv" -z 0..10
        ;;
    hot)
        n=$(count "$small")
        for kind in spot four; do
            [ -e "$work/$kind.csv" ] || "$here/make_points.py" "$kind" "$n" "$work/$kind.csv"
            bench "$small points: $kind, z 0..10" "$work/$kind.csv" -z 0..10
        done
        ;;
    long)
        points "$large"
        bench "$large points, z 0..12" "$work/$large.csv" -z 0..12
        ;;
    *)
        echo "gpu_bench.sh: no step is called $step" >&2
        exit 2
        ;;
    esac
done
exit $failed
