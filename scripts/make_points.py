#!/usr/bin/env python3
"""Point sets for benchmarks, as CSV with the columns lon and lat; needs nothing but Python.

    make_points.py spot N OUT               all on one spot
    make_points.py four N OUT               four pixels taking turns (A B C D A B C D ...)
    make_points.py uniform N OUT            evenly over the map of the world
    make_points.py opposite 2 OUT           two points on opposite sides of the world
    make_points.py sorted IN.csv OUT        the rows of IN, sorted by position
    make_points.py shuffled IN.csv OUT      the rows of IN in a random order

The same arguments give the same bytes: the generator is seeded.
"""

import math
import random
import sys

# In the middle of London: four pixels at zoom 10 and beyond, one at low zooms.
FOUR = [b"-0.127600,51.507200\n", b"-0.126000,51.507200\n", b"-0.127600,51.508200\n", b"-0.126000,51.508200\n"]


def repeated(rows, n, out):
    """Writes n rows, taking turns, a piece at a time."""
    piece = 1 << 16
    block = b"".join(rows) * (piece // len(rows))
    for _ in range(n // piece):
        out.write(block)
    out.write(b"".join(rows[i % len(rows)] for i in range(n % piece)))


def uniform(n, out):
    draw = random.Random(7).random
    atan, sinh, pi, degrees = math.atan, math.sinh, math.pi, math.degrees
    for done in range(0, n, 1 << 14):
        rows = (
            f"{draw() * 360 - 180:.6f},{degrees(atan(sinh((draw() * 2 - 1) * pi))):.6f}\n"
            for _ in range(min(1 << 14, n - done))
        )
        out.write("".join(rows).encode())


def by_position(row):
    lon, lat = row.split(b",")
    return round(float(lat), 2), float(lon)


def main(kind, what, path):
    with open(path, "wb") as out:
        if kind in ("sorted", "shuffled"):
            with open(what, "rb") as file:
                out.write(file.readline())
                rows = file.readlines()
            if kind == "sorted":
                rows.sort(key=by_position)
            else:
                random.Random(7).shuffle(rows)
            out.writelines(rows)
            return
        out.write(b"lon,lat\n")
        if kind == "spot":
            repeated(FOUR[:1], int(what), out)
        elif kind == "four":
            repeated(FOUR, int(what), out)
        elif kind == "uniform":
            uniform(int(what), out)
        elif kind == "opposite":
            repeated([b"-1.500000,52.000000\n", b"178.500000,-52.000000\n"], int(what), out)
        else:
            sys.exit(__doc__)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
