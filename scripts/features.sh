#!/usr/bin/env bash
# Builds the library without features and with each feature alone, and runs the tests of each: what a person who leaves
# something out gets. Prints which set failed.
set -euo pipefail
cd "$(dirname "$0")/.."

run() { # run NAME ARGUMENT...
    local name="$1"
    shift
    echo "+ features: $name"
    cargo clippy --quiet --all-targets "$@" -- -D warnings || { echo "features: the lints fail with: $name" >&2; exit 1; }
    cargo test --quiet --lib --test library --test architecture "$@" \
        || { echo "features: the tests fail with: $name" >&2; exit 1; }
}
run none --no-default-features
for feature in cli gpu serve proj mbtiles columnar; do
    run "$feature" --no-default-features --features "$feature"
done
