#!/usr/bin/env python3
"""Counts the points of a CSV per pixel and key, independently of tilefire: datetime, dictionaries, no shortcuts.

    scripts/expected_keys.py FILE.csv LON LAT KEY [FORM [ZOOM ...]]

LON and LAT are column names; KEY is one, or hour(NAME), day(NAME), month(NAME), weekday(NAME) or year(NAME). FORM is how
times are written, for strptime; "iso" (or nothing) for ISO 8601. Writes a line for every lit pixel of the zooms (0, 5 and
10 where none are named): zoom, column and row of the pixel on the whole world's picture, points, and the label behind
them. FILE.csv.zst is read with the program zstd. Shares no code with tilefire.
"""

import csv
import io
import re
import subprocess
import sys
from collections import Counter
from datetime import datetime

from expected_counts import MAX_LATITUDE, number, pixel

# What strftime writes of a part, and what must be known of a time.
PARTS = {"hour": ("%H", "h"), "day": ("%d", "d"), "month": ("%m", "m"), "weekday": ("%a", "d"), "year": ("%Y", "y")}
NONE = "(none)"


def moment(text, form):
    """The time that a cell holds with what is known of it (y, m, d, h), or None."""
    text = text.strip()
    try:
        if form != "iso":
            return datetime.strptime(text, form), "ymdh"
        if re.fullmatch(r"\d{4}-\d\d", text):
            return datetime.fromisoformat(text + "-01"), "ym"
        known = "ymd" if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else "ymdh"
        return datetime.fromisoformat(text), known
    except ValueError:
        return None


def label(text, part, form):
    """The label of a cell."""
    if part is None:
        return text.strip() or NONE
    pattern, needs = PARTS[part]
    found = moment(text, form)
    return found[0].strftime(pattern) if found and needs in found[1] else NONE


def text_of(path):
    if path.endswith(".zst"):
        packed = subprocess.run(["zstd", "-dc", path], check=True, capture_output=True)
        return io.StringIO(packed.stdout.decode("utf-8-sig", errors="replace"), newline="")
    return open(path, newline="", encoding="utf-8-sig", errors="replace")


def main():
    path, lon_name, lat_name, key = sys.argv[1:5]
    form = sys.argv[5] if len(sys.argv) > 5 else "iso"
    zooms = [int(zoom) for zoom in sys.argv[6:]] or [0, 5, 10]
    match = re.fullmatch(r"(\w+)\((.*)\)", key)
    part = match[1] if match and match[1] in PARTS else None
    places_of, pixels = {}, Counter()
    with text_of(path) as file:
        reader = csv.reader(file)
        header = next(reader)
        places = [header.index(name) for name in (lon_name, lat_name, match[2] if part else key)]
        for row in reader:
            if not row:
                continue
            lon, lat, text = (row[i] if i < len(row) else "" for i in places)
            lon, lat = number(lon), number(lat)
            if lon is None or lat is None or abs(lon) > 180 or abs(lat) > MAX_LATITUDE:
                continue
            # Many rows of a file may name one place.
            if (lon, lat) not in places_of:
                places_of[(lon, lat)] = [(zoom, *pixel(lon, lat, zoom)) for zoom in zooms]
            of_row = label(text, part, form)
            for place in places_of[(lon, lat)]:
                pixels[(place, of_row)] += 1
    for ((zoom, x, y), of_row), points in sorted(pixels.items()):
        print(zoom, x, y, points, of_row)


main()
