#!/usr/bin/env python3
"""tilefire's full-colour tiles against datashader's `shade` on the same counts, pixel by pixel and channel by channel.

    python scripts/compare_colours.py FILE.csv LON LAT [BINARY]

Needs datashader==0.19.1, colorcet==3.2.1, dask==2026.8.0, pandas==3.1.1 and pillow==13.0.0 from PyPI. Points are
projected and counted here in float64, datashader shades the counts of the whole zoom at once, and every tile of zooms 4, 6
and 8 is compared with its part of that picture. One difference is by design: datashader begins a span at the smallest
count, tilefire at 1, so datashader is given the span; `eq_hist` takes none.

Then the tiles of datashader's tutorial, by its own `render_tiles`: counted, shaded from 0 to the zoom's largest count,
spread by one pixel with `add`, against --span 0,max --spread 1 --spread-on colours. datashader works on pictures of 4,096
by 4,096 pixels, each for itself, so nothing is spread over their borders: pixels there are left out.

Fails where a pixel differs.
"""

import os
import subprocess
import sys
import tempfile

import colorcet
import dask
import datashader as ds
import datashader.transfer_functions as tf
import numpy as np
import pandas as pd
import xarray as xr
from datashader.tiles import render_tiles
from PIL import Image

COLORMAPS = {"fire": colorcet.fire, "bmy": colorcet.bmy, "#ff8800": "#ff8800", "navy,#ff8800,white": ["navy", "#ff8800", "white"]}


def main(file, lon, lat, binary="target/release/tilefire"):
    points = pd.read_csv(file, usecols=[lon, lat]).dropna()
    sine = np.sin(np.radians(points[lat].to_numpy()))
    x = np.floor((points[lon].to_numpy() / 360 + 0.5) * 2**32).astype(np.int64)
    y = np.floor((0.5 - np.log((1 + sine) / (1 - sine)) / (4 * np.pi)) * 2**32).astype(np.int64)
    wrong = 0
    for zoom in (4, 6, 8):
        columns, rows = x >> (24 - zoom), y >> (24 - zoom)
        left, top = columns.min() >> 8 << 8, rows.min() >> 8 << 8
        shape = ((rows.max() >> 8) + 1 << 8) - top, ((columns.max() >> 8) + 1 << 8) - left
        counts = np.zeros(shape, np.uint32)
        np.add.at(counts, (rows - top, columns - left), 1)
        for how in ("log", "linear", "cbrt", "eq_hist"):
            for name, colours in COLORMAPS.items():
                ours = tiles([binary, "render", file, "--lon", lon, "--lat", lat, "--spread", "0", "--how", how, "--colormap", name], zoom, shape, left, top)
                span = None if how == "eq_hist" else [1, int(counts.max())]
                theirs = tf.shade(xr.DataArray(counts, dims=("y", "x")), cmap=colours, how=how, span=span)
                theirs = theirs.data.view(np.uint8).reshape(*shape, 4)
                lit = counts > 0
                off = int((ours != theirs)[lit].any(axis=1).sum()) + int(ours[~lit].any())
                wrong += off
                print(f"zoom {zoom}, {how}, {name}: {off} of {int(lit.sum())} lit pixels differ, counts up to {counts.max()}")
    for zoom in (4, 6, 8):
        wrong += tutorial([binary, "render", file, "--lon", lon, "--lat", lat], x, y, zoom)
    sys.exit(1 if wrong else 0)


def tutorial(command, x, y, zoom):
    """How many pixels of a zoom differ from those of datashader's `render_tiles`, away from the borders of its pictures."""
    dask.config.set(scheduler="synchronous")
    # Web Mercator, in metres from the middle; y to the north. The middle of a step of the grid, so that no rounding
    # of datashader's moves a point to another pixel.
    half = 20037508.342789244
    points = pd.DataFrame({"x": ((x + 0.5) / 2**31 - 1) * half, "y": (1 - (y + 0.5) / 2**31) * half})
    extent = (points.x.min(), points.y.min(), points.x.max(), points.y.max())

    def load(x_range, y_range):
        return points.loc[points.x.between(*x_range) & points.y.between(*y_range)]

    def rasterize(part, x_range, y_range, height, width):
        return ds.Canvas(x_range=x_range, y_range=y_range, plot_height=height, plot_width=width).points(part, "x", "y")

    def shade(counts, span=None):
        return tf.spread(tf.shade(counts, cmap=colorcet.fire, how="log", span=span), px=1, how="add")

    with tempfile.TemporaryDirectory() as folder:
        render_tiles(extent, [zoom], load, rasterize, shade, lambda image, **_: image, folder)
        theirs = read(os.path.join(folder, str(zoom)))
    looks = ["--colormap", "fire", "--span", "0,max", "--spread", "1", "--spread-on", "colours"]
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "tiles")
        subprocess.run([*command, *looks, "-o", out, "-z", str(zoom), "--quiet"], check=True)
        ours = read(os.path.join(out, str(zoom)))
    off = compared = 0
    none = np.zeros((256, 256, 4), np.uint8)
    for column, row in sorted(theirs.keys() | ours.keys()):
        a, b = ours.get((column, row), none), theirs.get((column, row), none)
        # A pixel that is not drawn has no colour, whatever its red, green and blue.
        drawn = (a[..., 3] > 0) | (b[..., 3] > 0)
        for axis, at in ((1, column), (0, row)):
            edge = [0] if at % 16 == 0 and at > 0 else [255] if at % 16 == 15 and at < 2**zoom - 1 else []
            for pixels in edge:
                drawn[(slice(None), pixels) if axis == 1 else (pixels, slice(None))] = False
        off += int((a != b).any(axis=2)[drawn].sum())
        compared += int(drawn.sum())
    print(f"zoom {zoom}, the tutorial: {off} of {compared} drawn pixels differ")
    return off + (compared == 0)


def read(folder):
    """The tiles of a zoom by column and row."""
    tiles = {}
    for column in os.listdir(folder):
        for name in os.listdir(os.path.join(folder, column)):
            picture = Image.open(os.path.join(folder, column, name)).convert("RGBA")
            tiles[int(column), int(name.removesuffix(".png"))] = np.asarray(picture)
    return tiles


def tiles(command, zoom, shape, left, top):
    """The tiles of a zoom side by side."""
    picture = np.zeros((*shape, 4), np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "tiles")
        subprocess.run([*command, "-o", out, "-z", str(zoom), "--truecolor", "--quiet"], check=True)
        for column in os.listdir(os.path.join(out, str(zoom))):
            for name in os.listdir(os.path.join(out, str(zoom), column)):
                tile = Image.open(os.path.join(out, str(zoom), column, name))
                assert tile.mode == "RGBA", tile.mode
                x, y = int(column) * 256 - left, int(name.removesuffix(".png")) * 256 - top
                picture[y : y + 256, x : x + 256] = np.asarray(tile)
    return picture


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    main(*sys.argv[1:])
