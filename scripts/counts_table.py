#!/usr/bin/env python3
"""Sizes and speeds of files of counts beside other ways to keep counts, on the same synthetic points.

    counts_table.py [TILEFIRE] [RUNS]

Makes the points with `tilefire synth` in a folder of its own, counts them, and writes them as a file of counts, as Parquet and as
tiles of RGB PNG that hold counts. Where the program tile-count of tippecanoe is on the path, or in TILE_COUNT, its file is there
too. Seconds are medians of RUNS runs (5), of the whole process; bytes are a lit pixel of the highest zoom.
"""
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zlib

TILEFIRE = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else "tilefire"
RUNS = int(sys.argv[2]) if len(sys.argv) > 2 else 5
SETS = [("4M", 10), ("10M", 12), ("4M", 14)]
TILE_COUNT = os.environ.get("TILE_COUNT") or shutil.which("tile-count")


def timed(*arguments):
    """Seconds and CPU seconds of a run, medians."""
    walls, cpus = [], []
    for _ in range(RUNS):
        before, start = os.times(), time.monotonic()
        subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        after = os.times()
        walls.append(time.monotonic() - start)
        cpus.append(after.children_user + after.children_system - before.children_user - before.children_system)
    return statistics.median(walls), statistics.median(cpus)


def png(lit):
    """A tile whose pixels are their counts as red, green and blue, as most writers make it."""
    rows = bytearray(256 * 769)
    for x, y, count in lit:
        at = y * 769 + 1 + 3 * x
        rows[at:at + 3] = min(count, 0xFFFFFF).to_bytes(3, "big")
    return 8 + 25 + 12 + 12 + len(zlib.compress(bytes(rows), 6))


def pngs(cells):
    """Bytes of all tiles of an export as CSV."""
    total, tile, lit = 0, None, []
    with open(cells) as file:
        next(file)
        for line in file:
            _, x, y, px, py, _, _, count = line.rstrip().split(",")
            if (x, y) != tile:
                total += png(lit) if lit else 0
                tile, lit = (x, y), []
            lit.append((int(px), int(py), int(count)))
    return total + (png(lit) if lit else 0)


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        print("| points | zoom | lit pixels | what | bytes a lit pixel | seconds | CPU seconds |")
        print("|---|---|---|---|---|---|---|")
        for points, zoom in SETS:
            if not os.path.exists(points + ".csv"):
                subprocess.run([TILEFIRE, "synth", "-n", points, "-o", points + ".csv"], check=True, stderr=subprocess.DEVNULL)
            csv, counts = points + ".csv", f"{points}-{zoom}.counts"
            count = timed(TILEFIRE, "count", csv, "-o", counts, "-z", str(zoom), "--force", "-q", "--backend", "cpu")
            about = json.loads(subprocess.run([TILEFIRE, "info", counts, "--json"], check=True, stdout=subprocess.PIPE).stdout)
            lit = next(z["lit"] for z in about["zooms"] if z["zoom"] == zoom)
            size = os.path.getsize(counts)

            def row(what, size, seconds):
                took = f"{seconds[0]:.2f} | {seconds[1]:.2f}" if seconds else "| "
                print(f"| {points} | {zoom} | {lit:,} | {what} | {size / lit:.2f} | {took} |", flush=True)

            row("file of counts, from points", size, count)
            row("the same coloured, --spread 0", size, timed(
                TILEFIRE, "shade", counts, "-o", "a.pmtiles", "--spread", "0", "--force", "-q", "--backend", "cpu"))
            row("two of them added", size, timed(TILEFIRE, "merge", counts, counts, "-o", "b.counts", "--force", "-q",
                                                 "--allow-duplicates"))
            parquet = timed(TILEFIRE, "export", counts, "-o", "cells.parquet", "--force", "-q")
            row("Parquet of cells, from the file", os.path.getsize("cells.parquet"), parquet)
            subprocess.run([TILEFIRE, "export", counts, "-o", "cells.csv", "--force", "-q"], check=True)
            row("tiles of RGB PNG, level 6", pngs("cells.csv"), None)
            if TILE_COUNT:
                made = timed(TILE_COUNT, "-q", "-f", "-s", str(zoom + 8), "-o", "peer.count", csv)
                row("tile-count, from points", os.path.getsize("peer.count"), made)


main()
