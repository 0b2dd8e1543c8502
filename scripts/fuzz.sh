#!/bin/sh
# Runs the fuzz targets one after the other, each for so many seconds:
#   scripts/fuzz.sh SECONDS [SEEDS] [TARGET...]
# SEEDS is a folder of files to begin with ("-" for none). With a nightly compiler the fuzzer sees which branches it
# reached; with any other it tries blindly. What it finds is kept in fuzz/artifacts, what it learnt in fuzz/corpus.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:?seconds a target}
seeds=${2:--}
[ $# -gt 2 ] && shift 2 || set --
[ $# -gt 0 ] || set -- $(sed -n 's/^name = "\(.*\)"$/\1/p' fuzz/Cargo.toml | grep -v '^tilefire-fuzz$')

host=$(rustc -vV | sed -n 's/^host: //p')
target=${CARGO_TARGET_DIR:-target}/fuzz
flags="-Cdebug-assertions -Coverflow-checks"
toolchain=
if rustup toolchain list 2>/dev/null | grep -q '^nightly'; then
    toolchain=+nightly
    flags="$flags --cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4"
    flags="$flags -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table"
fi
# The host is named so that build scripts go without these flags.
RUSTFLAGS="$flags" CARGO_TARGET_DIR="$target" cargo $toolchain build --release --target "$host" --manifest-path fuzz/Cargo.toml

for name in "$@"; do
    corpus=fuzz/corpus/$name
    mkdir -p "$corpus" "fuzz/artifacts/$name"
    [ "$seeds" = - ] && from= || from=$seeds
    echo "+ $name, $seconds s"
    "$target/$host/release/$name" "$corpus" $from -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 \
        -max_len=65536 -print_final_stats=1 -artifact_prefix="fuzz/artifacts/$name/" 2>&1 | grep -v '^#' | tail -15
done
