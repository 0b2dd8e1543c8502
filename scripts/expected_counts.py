#!/usr/bin/env python3
"""Counts the points of a CSV per pixel, independently of tilefire: plain float64, dictionaries, no shortcuts.

    scripts/expected_counts.py FILE.csv LON LAT [MAX_ZOOM] > FILE.expected.json

LON and LAT are column names, or #number from 1 for a file without a header. The output has the form of the
expected counts the tests compare with: 256-pixel XYZ tiles, half-open pixels, y from the north. Compares
nothing with tilefire and shares no code with it.
"""

import csv
import json
import math
import sys
from collections import Counter

MAX_LATITUDE = 85.0511287798066


def number(text):
    """A finite float, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None


def pixel(lon, lat, zoom):
    """The pixel of the whole world's picture at a zoom."""
    side = 256 * 2**zoom
    s = math.sin(math.radians(lat))
    x = math.floor((lon / 360 + 0.5) * side)
    y = math.floor((0.5 - math.log((1 + s) / (1 - s)) / (4 * math.pi)) * side)
    return min(x, side - 1), min(max(y, 0), side - 1)


def main():
    path, lon_name, lat_name = sys.argv[1:4]
    top = int(sys.argv[4]) if len(sys.argv) > 4 else 12
    left_out = {"invalid": 0, "out_of_range": 0, "outside_mercator": 0}
    rows, points = 0, []
    with open(path, newline="", encoding="utf-8-sig", errors="replace") as file:
        reader = csv.reader(file)
        if lon_name.startswith("#"):
            places = [int(name[1:]) - 1 for name in (lon_name, lat_name)]
        else:
            header = next(reader)
            places = [header.index(name) for name in (lon_name, lat_name)]
        for row in reader:
            if not row:
                continue
            rows += 1
            lon, lat = (number(row[i]) if i < len(row) else None for i in places)
            if lon is None or lat is None:
                left_out["invalid"] += 1
            elif abs(lon) > 180 or abs(lat) > 90:
                left_out["out_of_range"] += 1
            elif abs(lat) > MAX_LATITUDE:
                left_out["outside_mercator"] += 1
            else:
                points.append((lon, lat))
    zooms = {}
    for zoom in range(top + 1):
        counts = Counter(pixel(lon, lat, zoom) for lon, lat in points)
        zooms[str(zoom)] = {
            "lit": len(counts),
            "max": max(counts.values(), default=0),
            "tiles": len({(x // 256, y // 256) for x, y in counts}),
            "sum": sum(counts.values()),
        }
    result = {"lon": lon_name, "lat": lat_name, "rows": rows, **left_out, "used": len(points), "zooms": zooms}
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
