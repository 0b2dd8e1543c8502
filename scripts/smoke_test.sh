#!/usr/bin/env bash
# A program that was built makes the bytes that every tilefire makes. Usage: scripts/smoke_test.sh PROGRAM [--bless].
# --bless writes the sum of what the program makes into assets/sample.sha256, where the bytes are meant to be others.
set -euo pipefail
program=$(realpath "$1")
bless=${2:-}
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

sums() { if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi; }
"$program" render "$here/assets/sample.csv" -o "$work/tiles" -z 0..9 --backend cpu --no-page --quiet
cd "$work/tiles"
# One sum over the sums of all tiles, in the order of their names.
find [0-9]* -name '*.png' | LC_ALL=C sort | while read -r tile; do sums "$tile"; done | sed 's/ [ *]/  /' >"$work/sums"
made=$(sums "$work/sums" | cut -d' ' -f1)
if [ "$bless" = --bless ]; then echo "$made" >"$here/assets/sample.sha256"; fi
expected=$(cat "$here/assets/sample.sha256")
if [ "$made" != "$expected" ]; then
    echo "smoke test: the tiles of assets/sample.csv have the SHA-256 $made instead of $expected" >&2
    exit 1
fi
echo "smoke test: the tiles of assets/sample.csv are those of every tilefire"
