#!/usr/bin/env bash
# Other people's programs on tilefire's outputs: Python's pmtiles and its converter, mb-util, GDAL, and requests as QGIS makes
# them. Usage: scripts/clients.sh PROGRAM [FOLDER]; makes a Python environment and the sets in FOLDER (else a temporary one),
# prints a line a check and ends at the first that fails. What a registry does not have is skipped by name.
set -euo pipefail
program=$(realpath "$1")
here=$(cd "$(dirname "$0")/.." && pwd)
if [ $# -gt 1 ]; then
    work=$2
    mkdir -p "$work"
else
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
fi
[ -x "$work/venv/bin/python" ] || python3 -m venv "$work/venv"
for package in pmtiles mbutil rasterio; do
    "$work/venv/bin/pip" install -q --disable-pip-version-check "$package" || echo "skipped: $package cannot be installed"
done
PATH=$work/venv/bin:$PATH python "$here/scripts/clients.py" "$program" "$here/assets/sample.csv" "$work"
