#!/usr/bin/env bash
# Measures the table of docs/benchmarks.md on this machine and prints it as Markdown rows. Takes about ten minutes and
# 6 GB of disk; run it when nothing else runs.
#
#     scripts/measure.sh [BINARY] [ROW...]         ROW: small large high folder hot few world (all by default)
#
# WORK names a folder for points and tiles (default: one in the temporary folder; points are kept there), RUNS the
# runs whose median counts, FOLDER_RUNS the same for the folder (deleting it takes longer than writing it), SMALL and
# LARGE other numbers of points (in full: 10000000), for a rehearsal. The comparison with datashader is
# compare_datashader.sh.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
tilefire=${1:-$here/../target/release/tilefire}
rows=("${@:2}")
[ ${#rows[@]} -gt 0 ] || rows=(small large high folder hot few world)
runs=${RUNS:-5} small=${SMALL:-10000000} large=${LARGE:-100000000}
work=${WORK:-${TMPDIR:-/tmp}/tilefire-measure}
mkdir -p "$work"
out=$work/tiles.pmtiles

synth() { # synth N: a file of so many points, made once
    [ -e "$work/$1.csv" ] || "$tilefire" synth -n "$1" -o "$work/$1.csv"
}
made() { # made NAME KIND WHAT: a file from make_points.py, made once
    [ -e "$work/$1.csv" ] || "$here/make_points.py" "$2" "$3" "$work/$1.csv"
}
# measure OUT NAME ARGUMENT...: sets wall, low, high, cpu, peak and tiles of `render NAME.csv`
measure() {
    local line
    line=$("$here/timed.py" --runs "$runs" --remove "$1" "$tilefire" render "$work/$2.csv" -o "$1" --backend cpu -q --spread "${SPREAD:-0}" \
        --report "$work/report.json" "${@:3}")
    read -r wall low high cpu peak <<<"$line"
    tiles=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["written"])' "$work/report.json")
}
f() { # f EXPRESSION: the number it comes to
    awk "BEGIN { printf \"$1\", $2 }"
}
row() { # row WORK FIGURE GOAL
    echo "| $1 | $2 | $3 | $(f %.2f "$wall") s ($(f %.2f "$low")-$(f %.2f "$high")) | $(f %.2f "$cpu") s | $(f %.0f "$peak") MB |"
}

echo "$(date -u +%F), tilefire $("$tilefire" --version | cut -d' ' -f2), $(nproc) cores," \
    "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), median of $runs runs, load before: $(cut -d' ' -f1 /proc/loadavg)"
echo
echo "| work | figure | goal | wall (fastest-slowest) | CPU | peak |"
echo "|---|---|---|---|---|---|"
for what in "${rows[@]}"; do
    case $what in
    small)
        synth "$small"
        measure "$out" "$small" -z 0..10
        row "$(f %.3g "$small/1e6") M points, z 0..10" "$(f %.1f "$small/$wall/1e6") M points/s" "12 M points/s, 400 MB"
        ;;
    large)
        synth "$large"
        measure "$out" "$large" -z 0..12
        unbounded=$wall
        row "$(f %.3g "$large/1e6") M points, z 0..12" "$(f %.1f "$large/$wall/1e6") M points/s" "10 M points/s"
        measure "$out" "$large" -z 0..12 --memory 512M
        row "the same, --memory 512M" "$(f %.2f "$wall/$unbounded") times as long" "1.6 times, 700 MB"
        ;;
    high)
        synth "$small"
        measure "$out" "$small" -z 0..14
        row "$(f %.3g "$small/1e6") M points, z 0..14, $tiles tiles" "$(f %.0f "$tiles/$wall") tiles/s" "40,000 tiles/s"
        ;;
    folder)
        synth "$small"
        all_runs=$runs runs=${FOLDER_RUNS:-3}
        measure "$work/tiles" "$small" -z 0..14
        copy=$(for _ in $(seq "$runs"); do
            rm -rf "$work/copy"
            "$here/plain_copy.py" "$work/tiles" "$work/copy"
        done | sort -n | sed -n "$(((runs + 1) / 2))p")
        rm -rf "$work/copy" "$work/tiles"
        row "$(f %.3g "$small/1e6") M points, z 0..14, folder of $tiles tiles" "$(f %.2f "$wall/$copy") times a plain loop ($(f %.2f "$copy") s)" "1.2 times"
        runs=$all_runs
        ;;
    hot)
        synth "$small"
        made spot spot "$small"
        made four four "$small"
        made sorted sorted "$work/$small.csv"
        made shuffled shuffled "$work/$small.csv"
        all=()
        for kind in spot four sorted shuffled; do
            measure "$out" "$kind" -z 0..10
            all+=("$wall")
            row "$(f %.3g "$small/1e6") M points, $kind" "$(f %.1f "$small/$wall/1e6") M points/s" "within 1.5 times"
        done
        printf '%s\n' "${all[@]}" | sort -n | awk '{ v[NR] = $1 } END { printf "| slowest of these to fastest | %.2f times | 1.5 times | | | |\n", v[NR] / v[1] }'
        ;;
    few)
        made opposite opposite 2
        measure "$out" opposite -z 0..16
        row "two points on opposite sides, z 0..16, $tiles tiles" "$(f %.3f "$wall") s" "0.1 s"
        ;;
    world)
        made uniform uniform 1000000
        measure "$out" uniform -z 0..9
        row "1 M points all over the world, z 0..9, $tiles tiles" "$(f %.0f "$tiles/$wall") tiles/s" "20,000 tiles/s"
        ;;
    *)
        echo "measure.sh: no row is called $what" >&2
        exit 2
        ;;
    esac
done
rm -rf "$out"
