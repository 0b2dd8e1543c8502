#!/usr/bin/env python3
"""One sheet of what the default picture is: six real sets at zooms 3 to 16, over dark and over light, each with the
default spread and with none below it.

    look_sheet.py TILEFIRE DATA OUT.png [--sets uk,stops] [--zooms 3,5,8] [--args '--theme dark']

TILEFIRE is the program, DATA a folder with the files named below. Every set is rendered to zoom 14; zoom 16 is zoom 14
enlarged four times, as a map does beyond the last zoom: smoothed tiles smoothly, counted pixels as squares. Panels are cut
pixel for pixel around one place a set. Needs pillow (13.0.0).
"""

import argparse
import math
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw

WIDTH, HEIGHT, GAP, LEFT, TOP = 184, 116, 3, 92, 18
LAST = 14
GROUNDS = {"dark": (23, 25, 30), "light": (244, 242, 238)}
# Name, file, options, and the place that panels show.
SETS = {
    "uk": ("accidents, GB 2015", "uk_accidents_2015_lnglat.csv", "", (-2.24, 53.48)),
    "burglary": ("burglaries, London", "london_burglary_street_2010-12_2017-12.csv.zst", "", (-0.12, 51.51)),
    "stops": ("stop and search", "london_stop_search_to_2019.csv.zst", "", (-0.12, 51.51)),
    "quakes": ("earthquakes, a month", "usgs_earthquakes_month_2025.csv", "", (-118.0, 35.0)),
    "flights": ("flights, a day", "opensky_flights_2020-08-11.csv", "--lon lon1 --lat lat1", (8.56, 50.03)),
    "zips": ("US zip codes", "us_zipcodes.csv", "", (-74.0, 40.7)),
}
LOOKS = {"default": "", "--spread 0": "--spread 0"}


def panel(tiles, zoom, place, smooth):
    """The tiles around a place as RGBA, `WIDTH` by `HEIGHT` pixels."""
    beyond = max(0, zoom - LAST)
    zoom -= beyond
    world = 256 << zoom
    lon, lat = place
    x = (lon + 180) / 360 * world
    y = (0.5 - math.asinh(math.tan(math.radians(lat))) / (2 * math.pi)) * world
    wide, high = WIDTH >> beyond, HEIGHT >> beyond
    west = round(x - wide / 2)
    north = min(max(round(y - high / 2), 0), max(world - high, 0))
    out = Image.new("RGBA", (wide, high))
    for column in range(west // 256, (west + wide - 1) // 256 + 1):
        for row in range(north // 256, (north + high - 1) // 256 + 1):
            path = tiles / str(zoom) / str(column % (1 << zoom)) / f"{row}.png"
            if path.exists():
                out.paste(Image.open(path).convert("RGBA"), (column * 256 - west, row * 256 - north))
    if beyond:
        out = out.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC if smooth else Image.Resampling.NEAREST)
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tilefire")
    parser.add_argument("data", type=Path)
    parser.add_argument("out")
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--zooms", default="3,5,8,10,11,12,14,16")
    parser.add_argument("--args", default="", help="more options of tilefire render")
    given = parser.parse_args()
    names, zooms = given.sets.split(","), [int(zoom) for zoom in given.zooms.split(",")]
    rows = len(names) * len(LOOKS) * len(GROUNDS)
    sheet = Image.new("RGB", (LEFT + len(zooms) * (WIDTH + GAP), TOP + rows * (HEIGHT + GAP)), (128, 128, 128))
    draw = ImageDraw.Draw(sheet)
    for at, zoom in enumerate(zooms):
        draw.text((LEFT + at * (WIDTH + GAP) + 4, 4), f"zoom {zoom}", fill=(255, 255, 255))
    top = TOP
    for name in names:
        title, file, options, place = SETS[name]
        with tempfile.TemporaryDirectory() as folder:
            for look, spread in LOOKS.items():
                out = Path(folder) / look.strip("-").replace(" ", "")
                words = ["render", str(given.data / file), "-o", str(out), "-z", f"0..{LAST}", "-q"]
                words += shlex.split(options) + shlex.split(spread) + shlex.split(given.args)
                subprocess.run([given.tilefire, *words], check=True, stdout=sys.stderr)
            for ground, colour in GROUNDS.items():
                for look in LOOKS:
                    tiles = Path(folder) / look.strip("-").replace(" ", "")
                    draw.multiline_text((4, top + 4), f"{title}\n{look}\n{ground}", fill=(255, 255, 255), font_size=9)
                    for at, zoom in enumerate(zooms):
                        base = Image.new("RGBA", (WIDTH, HEIGHT), colour + (255,))
                        base.alpha_composite(panel(tiles, zoom, place, look == "default"))
                        sheet.paste(base.convert("RGB"), (LEFT + at * (WIDTH + GAP), top))
                    top += HEIGHT + GAP
    sheet.quantize(200, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(given.out, optimize=True)


if __name__ == "__main__":
    main()
