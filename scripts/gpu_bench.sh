#!/usr/bin/env bash
# Everything worth knowing about tilefire on a machine with a real GPU, in one call of at most 9 minutes. It needs no
# Rust and no network there; what travels is made beforehand, on a machine of the same kind of processor:
#
#     cargo build --release --no-default-features --features cli,gpu  a program without PROJ and SQLite
#     cargo test --release --no-default-features --features cli,gpu --test gpu --no-run     the equality tests
#     strip -o BINARY target/release/tilefire; strip -o TESTS target/release/deps/gpu-...
#     scripts/gpu_bench.sh BINARY [TESTS]
#
# The steps: libraries, loader and adapter; equality tests on the device under forced limits; what the device can do at
# most; SMALL and LARGE points at zooms 0 to 10, 12 and 14, in random order, sorted, hot and uniform; looks that make new
# counts or need them back; forced limits; 1 to all cores of the CPU. report.md, report.json and log.txt go to OUT.
# Without a real GPU it stops, unless TILEFIRE_ALLOW_SOFTWARE=1 (a rehearsal; give SMALL and LARGE smaller numbers).
#
#     OUT=out ADAPTER=name SMALL=10M LARGE=100M ZOOMS='10 12 14' RUNS=3 SECONDS_IN_ALL=540
#
# A step that outlasts its time is stopped and noted, and the next begins. Exit code 0: all that was begun is right and
# what was measured is in the report; 1: something differs, failed or was not measured at all, or the equality tests did
# not come to their end (random jobs may: each of those begun is compared).
set -uo pipefail

tilefire=$(realpath "${1:?usage: gpu_bench.sh BINARY [TESTS]}")
tests=${2:+$(realpath "$2")}
out=${OUT:-gpu-bench}
small=${SMALL:-10M} large=${LARGE:-100M} zooms=${ZOOMS:-10 12 14} runs=${RUNS:-3}
end=$(($(date +%s) + ${SECONDS_IN_ALL:-540}))
cores=$(nproc)
mkdir -p "$out"
out=$(realpath "$out")
work=$(mktemp -d "${TMPDIR:-/tmp}/tilefire-gpu.XXXXXX")
trap 'rm -rf "$work"' EXIT
export TMPDIR=$work
report=$out/report.md log=$out/log.txt
: >"$report"
: >"$log"
mkdir "$work/json"
failed=0

say() { printf '%s\n' "$@" | tee -a "$report"; }
left() { echo $((end - $(date +%s))); }

# step SECONDS NAME COMMAND...: runs it for so long at most, with its output in the report; notes how it ended.
step() {
    local most=$1 name=$2 code=0 from
    shift 2
    if [ "$(left)" -lt 5 ]; then
        say "" "## $name" "" "not begun: no time was left"
        return 0
    fi
    [ "$most" -le "$(left)" ] || most=$(left)
    say "" "## $name" "" '```'
    printf '\n## %s\n%s\n' "$name" "$*" >>"$log"
    from=$(date +%s)
    timeout --kill-after=5 "$most" "$@" >"$work/output" 2>>"$log" || code=$?
    cat "$work/output" | tee -a "$report" >>"$log"
    case $code in
    0) ;;
    124 | 137)
        say "stopped after $most s"
        if [ "${whole:-}" = yes ]; then
            say "NOT SHOWN: these tests say something only when they come to their end"
            failed=1
        fi
        ;;
    *)
        say "FAILED with exit code $code: $(tail -n 1 "$log")"
        failed=1
        ;;
    esac
    say '```'
    echo "($(($(date +%s) - from)) s, $(left) s left)"
    return $code
}

# points SHAPE N: the name of a file of so many points, made once.
points() {
    local file=$work/$1-$2.csv
    if [ ! -e "$file" ]; then
        timeout 120 "$tilefire" synth -n "$2" --shape "$1" -o "$file" >>"$log" 2>&1 || {
            rm -f "$file"
            echo "no $2 $1 points could be made in 120 s" >>"$log"
            return 1
        }
    fi
    echo "$file"
}

# bench SECONDS NAME ARGUMENT...: a benchmark, its figures in the report and its JSON beside it.
bench() {
    local most=$1 name=$2
    shift 2
    JSON=$work/json/$(printf '%s' "$name" | tr -c 'A-Za-z0-9.' '_').json
    export JSON
    step "$most" "$name" sh -c '"$0" bench "$@" --json >"$JSON" && python3 "$TABLE" "$JSON"' "$tilefire" "$@" \
        --adapter "$adapter" --runs "$runs" || true
}

cat >"$work/table.py" <<'PY'
"""The figures of one benchmark that people compare, from its JSON."""
import json, sys

report = json.load(open(sys.argv[1]))
print(f"{report['points']:,} points, zooms {report['zooms']['min']} to {report['zooms']['max']}, "
      f"{report['tiles']:,} tiles, {report['input_bytes'] / 1e9:.2f} GB")
if report["difference"]:
    sys.exit("DIFFERENT: " + report["difference"])
print(f"{'':<28} {'end to end':>12} {'CPU s':>8} {'to counts':>10} {'to indices':>10} {'M points/s':>10}")
for measured in report["contenders"]:
    raster = measured["raster"]
    seconds = lambda times: f"{times['median']:.4f}"
    counts, shade = (seconds(raster["counts"]), seconds(raster["shade"])) if raster else ("-", "-")
    speed = f"{raster['points'] / raster['counts']['median'] / 1e6:.1f}" if raster else "-"
    print(f"{measured['name'][:28]:<28} {seconds(measured['end_to_end']):>12} "
          f"{measured['cpu_seconds']['median']:>8.2f} {counts:>10} {shade:>10} {speed:>10}")
    if raster and raster["resident_points"]:
        device = raster["resident_device"]["median"]
        print(f"  resident: {raster['resident_points'] / raster['resident']['median'] / 1e9:.3f} G points/s"
              + (f", {raster['resident_points'] / device / 1e9:.3f} by the device's clock" if device else "")
              + f", {raster['resident_atomics'] / raster['resident_points']:.4f} additions a point")
    device = measured["device"]
    if device["adapter"]:
        passes = [f"{s['shader']} {s['nanoseconds'] / 1e6:.2f}" for s in device["shaders"] if s["nanoseconds"]]
        print(f"  passes, ms: {', '.join(passes) or 'no clock'}")
        print(f"  {device['batches']} batches, {device['buckets']} buckets, {device['device_refusals']} refusals, "
              f"device memory {device['device_peak'] / 1e9:.2f} of {device['device_memory'] / 1e9:.2f} GB")
        for p in measured["predicted"]:
            steps = ", ".join(f"{s['step']} {s['seconds'] * 1e3:.2f} ({s['bound']})" for s in p["steps"])
            print(f"  at best, ms ({p['ceilings']['name']}): {steps}")
for ratio in report["ratios"]:
    raster = f", raster {ratio['raster']:.2f}" if ratio["raster"] else ""
    print(f"equal byte for byte; end to end {ratio['end_to_end']:.2f} times as fast as the CPU{raster}")
if len(report["contenders"]) < 2:
    sys.exit("NO GPU WAS MEASURED")
PY
export TABLE=$work/table.py

say "# tilefire on a GPU, $(date -u +%F)"

# --- what is there -------------------------------------------------------------------------------------------------
machine() {
    "$tilefire" --version || return 1
    if ldd "$tilefire" ${tests:+"$tests"} | grep 'not found'; then
        echo "a library is missing; build with --no-default-features on a system no newer than this one" >&2
        return 1
    fi
    ldconfig -p 2>/dev/null | grep libvulkan || echo "no Vulkan loader in the linker's cache"
    nvidia-smi --query-gpu=name,driver_version,memory.total,pcie.link.gen.current,pcie.link.width.current \
        --format=csv,noheader 2>/dev/null || true
    lscpu 2>/dev/null | grep 'Model name' || true
    echo "$cores cores, $(free -g 2>/dev/null | awk '/^Mem/ { print $2 }') GiB"
    "$tilefire" info
}
export -f machine
export tilefire tests cores
step 30 "the machine" bash -c machine || exit 1

adapter=${ADAPTER:-$("$tilefire" info --json 2>>"$log" | python3 -c '
import json, os, sys
found = [a for a in json.load(sys.stdin) if a["kind"] != "software" or os.environ.get("TILEFIRE_ALLOW_SOFTWARE") == "1"]
order = ["discrete", "integrated", "virtual", "other", "software"]
print(min(found, key=lambda a: order.index(a["kind"]))["name"] if found else "")')}
kind=$("$tilefire" info --json 2>>"$log" | ADAPTER=$adapter python3 -c '
import json, os, sys
wanted = os.environ["ADAPTER"].lower()
print(next((a["kind"] for a in json.load(sys.stdin) if wanted and wanted in a["name"].lower()), "none"))')
case $kind in
none)
    say "" "No real GPU was found: $("$tilefire" info 2>/dev/null | tail -n 1)" \
        "TILEFIRE_ALLOW_SOFTWARE=1 rehearses with a software adapter."
    exit 1
    ;;
software)
    if [ "${TILEFIRE_ALLOW_SOFTWARE:-}" != 1 ]; then
        say "" "$adapter is a software adapter; TILEFIRE_ALLOW_SOFTWARE=1 rehearses with it."
        exit 1
    fi
    ;;
esac
say "" "Adapter: $adapter ($kind)"

# The files of points are made while the tests run, which nobody times.
{
    points towns "$small"
    for shape in sorted hot uniform; do points "$shape" "$small"; done
} >/dev/null &
making=$!
points towns "$large" >/dev/null &
making_large=$!

# --- right, then fast ----------------------------------------------------------------------------------------------
if [ -n "$tests" ]; then
    equality() {
        TILEFIRE_REQUIRE_GPU=1 TILEFIRE_TEST_ADAPTER=$adapter "$tests" --test-threads 4 "$@" 2>&1 |
            grep -E '^test |^test result|panicked|skipped' | grep -v ' ok$'
        return "${PIPESTATUS[0]}"
    }
    export -f equality
    export adapter
    # Tests that start other drivers are for machines that have them; random jobs come last, as many as there is time for.
    whole=yes step "${EQUALITY_SECONDS:-90}" "equality tests on the device" \
        bash -c 'equality --skip another_driver --skip other_subgroup_sizes --skip gpu_and_cpu_agree'
    step "${RANDOM_SECONDS:-40}" "equality of random jobs on the device" bash -c 'equality gpu_and_cpu_agree'
else
    say "" "No equality tests: none travelled along. Every benchmark compares the tiles of both all the same."
fi
wait "$making"
wait "$making_large"
step 40 "what the device can do at most" "$tilefire" bench --calibrate --adapter "$adapter" \
    --calibrate-bytes "${CALIBRATE_BYTES:-256M}"
timeout 40 "$tilefire" bench --calibrate --json --adapter "$adapter" --calibrate-bytes "${CALIBRATE_BYTES:-256M}" \
    >"$work/json/calibration.json" 2>>"$log" || rm -f "$work/json/calibration.json"

first=${zooms%% *}
for z in $zooms; do
    file=$(points towns "$small") && bench 45 "$small random, z 0..$z" "$file" -z "0..$z" --spread 0
done
for z in $zooms; do
    file=$(points towns "$large") && runs=1 bench 60 "$large random, z 0..$z" "$file" -z "0..$z" --spread 0
done
for shape in sorted hot uniform; do
    file=$(points "$shape" "$small") && bench 30 "$small $shape, z 0..$first" "$file" -z "0..$first" --spread 0
done
file=$(points towns "$small")
look() {
    local name=$1
    shift
    bench 25 "$small random, z 0..$first, $name" "$file" -z "0..$first" "$@"
}
look "the default"
look "a sum of discs" --spread 2 --spread-op add
look "a bell" --spread 8 --spread-op add --spread-shape gaussian
look "eq-hist" --how eq-hist --spread 0
look "spread auto, p99.5" --spread auto --span p99.5
look "without subgroups" --subgroups false --spread 0
look "batches of 128 k" --batch-points 131072 --spread 0
look "1 GiB of the device" --device-memory 1G --spread 0
look "everything dense" --dense-points 0 --spread 0

scaling() {
    local n=1
    while [ "$n" -le "$cores" ]; do
        "$tilefire" bench "$file" -z "0..$first" --spread 0 --backend cpu --threads "$n" --runs 1 --json >"$work/cpu.json" || return 1
        python3 - "$n" "$work/cpu.json" <<'PY'
import json, sys
measured = json.load(open(sys.argv[2]))["contenders"][0]
raster = measured["raster"]
print(f"{sys.argv[1]:>3} threads: end to end {measured['end_to_end']['median']:.3f} s"
      + (f", to counts {raster['counts']['median']:.3f} s, to indices {raster['shade']['median']:.3f} s" if raster else ""))
PY
        n=$((n * 2))
    done
}
export -f scaling
export file first work
step 60 "the CPU on 1 to $cores threads, $small random, z 0..$first" bash -c scaling

# --- one file ------------------------------------------------------------------------------------------------------
python3 - "$work/json" "$out/report.json" <<'PY' || failed=1
import json, os, sys
folder, out = sys.argv[1:]
found = {}
for name in sorted(os.listdir(folder)):
    try:
        found[name[:-5]] = json.load(open(os.path.join(folder, name)))
    except ValueError:
        pass
json.dump(found, open(out, "w"), indent=1)
measured = [name for name, report in found.items() if len(report.get("contenders", [])) > 1]
if not measured:
    sys.exit("no GPU was measured")
PY
[ $failed -eq 0 ] && say "" "All that was begun is right; $(left) of ${SECONDS_IN_ALL:-540} s were left." ||
    say "" "SOMETHING FAILED; the log says what."
exit $failed
