#!/usr/bin/env bash
# What looks cost: wall and CPU seconds, and the size of the tile set, for the functions, spans and kernels that need
# more than one pass. Prints Markdown.
#
#     scripts/measure_colour.sh [POINTS] [BINARY]
#
# WORK names a folder for points and tiles (default: one in the temporary folder, kept), RUNS the timed runs.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
points=${1:-10M}
tilefire=${2:-$here/../target/release/tilefire}
work=${WORK:-${TMPDIR:-/tmp}/tilefire-colour}
mkdir -p "$work"
csv=$work/points-$points.csv
[ -e "$csv" ] || "$tilefire" synth -n "$points" -o "$csv"

echo "$points points, zooms 0..10, PMTiles, $(nproc) cores, median of ${RUNS:-5} runs"
echo
echo "| looks | wall (fastest-slowest) | CPU | peak | file |"
echo "|---|---|---|---|---|"
while IFS= read -r looks; do
    # shellcheck disable=SC2086
    command=("$tilefire" render "$csv" -z 0..10 --backend cpu -q $looks -o "$work/tiles.pmtiles")
    row=$("$here/timed.py" --runs "${RUNS:-5}" --remove "$work/tiles.pmtiles" "${command[@]}")
    rm -rf "$work/tiles.pmtiles"
    "${command[@]}"
    size=$(wc -c <"$work/tiles.pmtiles")
    rm -rf "$work/tiles.pmtiles"
    read -r wall fastest slowest cpu peak <<<"$row"
    awk -v l="${looks:-(the default)}" -v w="$wall" -v f="$fastest" -v s="$slowest" -v c="$cpu" -v p="$peak" -v b="$size" \
        'BEGIN { printf "| %s | %.2f s (%.2f-%.2f) | %.2f s | %.0f MB | %.1f MB |\n", l, w, f, s, c, p, b / 1e6 }'
done <<LOOKS

--spread 0
--spread 0 --how eq-hist
--spread 0 --span p99.5
--spread 0 --span smooth
--spread 0 --min-count 5
--spread 0 --truecolor
--spread 2
--spread dynspread
--spread 2 --spread-op add
--spread 2 --spread-op add --spread-shape gaussian
--spread 8 --spread-op add --spread-shape gaussian
LOOKS
