#!/usr/bin/env python3
"""Adds up the weights of a CSV per pixel, independently of tilefire: fractions, dictionaries, no shortcuts.

    scripts/expected_sums.py FILE.csv LON LAT WEIGHT [STEP [ZOOM ...]]

LON, LAT and WEIGHT are column names. Writes a line for every lit pixel of the zooms (0, 5 and 10 where none are
named): zoom, column and row of the pixel on the whole world's picture, points, their weights in steps (the nearest
whole number of each, halves away from zero) and the mean in steps as a float. The last line holds the rows without
a usable weight. Shares no code with tilefire.
"""

import csv
import math
import sys
from collections import defaultdict
from fractions import Fraction

from expected_counts import MAX_LATITUDE, number, pixel

MISSING = {"", "na", "n/a", "nan", "null", "none", "-"}


def steps(text, step):
    """The weight in steps, or None."""
    text = text.strip()
    if text.lower() in MISSING or number(text) is None:
        return None
    exact = Fraction(text) / step
    half_up = math.floor(abs(exact) + Fraction(1, 2))
    return half_up if exact >= 0 else -half_up


def main():
    path, lon_name, lat_name, weight_name = sys.argv[1:5]
    step = Fraction(sys.argv[5] if len(sys.argv) > 5 else "0.000001")
    zooms = [int(zoom) for zoom in sys.argv[6:]] or [0, 5, 10]
    without, points = 0, []
    with open(path, newline="", encoding="utf-8-sig", errors="replace") as file:
        reader = csv.reader(file)
        header = next(reader)
        places = [header.index(name) for name in (lon_name, lat_name, weight_name)]
        for row in reader:
            if not row:
                continue
            lon, lat, text = (row[i] if i < len(row) else "" for i in places)
            lon, lat = number(lon), number(lat)
            if lon is None or lat is None or abs(lon) > 180 or abs(lat) > 90:
                continue
            weight = steps(text, step)
            if weight is None:
                without += 1
            elif abs(lat) <= MAX_LATITUDE:
                points.append((lon, lat, weight))
    for zoom in zooms:
        sums = defaultdict(lambda: [0, 0])
        for lon, lat, weight in points:
            of_pixel = sums[pixel(lon, lat, zoom)]
            of_pixel[0] += 1
            of_pixel[1] += weight
        for (x, y), (count, weight) in sorted(sums.items()):
            print(zoom, x, y, count, weight, repr(float(Fraction(weight, count))))
    print("without", without)


if __name__ == "__main__":
    main()
