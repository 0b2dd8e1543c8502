#!/usr/bin/env bash
# tilefire against datashader on the same points: the tutorial's job as it is written (a process per core), the same
# in one process, and tilefire into a folder and into PMTiles, zooms 0 to 10. Prints wall seconds, CPU seconds, the
# peak of memory of the largest process, and how many times longer datashader took.
#
#     scripts/compare_datashader.sh [POINTS] [BINARY] [JOB...]      JOB: tutorial, synchronous (both by default)
#
# WORK names a folder for points, tiles and the Python environment (default: one in the temporary folder, kept).
# RUNS is how often tilefire is run (its median counts; datashader is run once).
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
points=${1:-1M}
tilefire=${2:-$here/../target/release/tilefire}
jobs=("${@:3}")
[ ${#jobs[@]} -gt 0 ] || jobs=(tutorial synchronous)
work=${WORK:-${TMPDIR:-/tmp}/tilefire-datashader}
zoom=10
mkdir -p "$work"

venv=$work/venv
if [ ! -x "$venv/bin/python" ]; then
    python3 -m venv "$venv"
fi
# What this was written with; anything newer may work as well.
"$venv/bin/python" -m pip install -q 'datashader==0.19.1' 'dask==2026.8.0' 'pandas==3.1.1' 'pyproj==3.7.2' 'pillow==13.0.0' \
    'colorcet==3.2.1' 'numba==0.68.1' 'numpy==2.4.6'

csv=$work/points-$points.csv
[ -e "$csv" ] || "$tilefire" synth -n "$points" -o "$csv"

line() { # line NAME WALL MIN MAX CPU PEAK: one row, and the ratio to tilefire's PMTiles once that is known
    awk -v name="$1" -v wall="$2" -v cpu="$5" -v peak="$6" -v ours="${ours:-0}" -v cpus="${ours_cpu:-0}" 'BEGIN {
        printf "| %-38s | %8.2f | %8.2f | %6.0f |", name, wall, cpu, peak
        if (ours > 0) printf " %5.1f times | %5.1f times |\n", wall / ours, cpu / cpus
        else print "             |             |"
    }'
}
measure() { # measure RUNS OUT COMMAND...: wall, min, max, CPU seconds, MB
    "$here/timed.py" --runs "$1" --remove "$2" "${@:3}" 2>"$work/log" || { tail -5 "$work/log" >&2; exit 1; }
}

echo "$points points, zooms 0..$zoom, spread 1, $(nproc) cores"
echo
echo "| job                                    |   wall s |    CPU s |     MB | wall against PMTiles | CPU |"
echo "|---|---|---|---|---|---|"
render=("$tilefire" render "$csv" -z "0..$zoom" --spread 1 --backend cpu -q -o)
row=$(measure "${RUNS:-3}" "$work/tiles.pmtiles" "${render[@]}" "$work/tiles.pmtiles")
read -r ours _ _ ours_cpu _ <<<"$row"
# shellcheck disable=SC2086
line "tilefire, PMTiles" $row
row=$(measure "${RUNS:-3}" "$work/tiles" "${render[@]}" "$work/tiles")
# shellcheck disable=SC2086
line "tilefire, folder" $row
for job in "${jobs[@]}"; do
    row=$(measure 1 "$work/datashader" "$venv/bin/python" "$here/datashader_tiles.py" "$csv" "$work/datashader" "$zoom" "$job")
    # shellcheck disable=SC2086
    line "datashader, $job" $row
done
rm -rf "$work/tiles" "$work/tiles.pmtiles" "$work/datashader"
