#!/usr/bin/env python3
"""tilefire's full-colour tiles against datashader's `shade` on the same counts, pixel by pixel and channel by channel.

    python scripts/compare_colours.py FILE.csv LON LAT [BINARY]

Needs datashader==0.19.1, colorcet==3.2.1, pandas==3.1.1 and pillow==13.0.0 from PyPI. Points are projected and counted
here in float64, datashader shades the counts of the whole zoom at once, and every tile of zooms 4, 6 and 8 is compared
with its part of that picture. One difference is by design: datashader begins a span at the smallest count, tilefire at
1, so datashader is given the span; `eq_hist` takes none. Fails where a pixel differs.
"""

import os
import subprocess
import sys
import tempfile

import colorcet
import datashader.transfer_functions as tf
import numpy as np
import pandas as pd
import xarray as xr
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
                ours = tiles([binary, "render", file, "--lon", lon, "--lat", lat, "--how", how, "--colormap", name], zoom, shape, left, top)
                span = None if how == "eq_hist" else [1, int(counts.max())]
                theirs = tf.shade(xr.DataArray(counts, dims=("y", "x")), cmap=colours, how=how, span=span)
                theirs = theirs.data.view(np.uint8).reshape(*shape, 4)
                lit = counts > 0
                off = int((ours != theirs)[lit].any(axis=1).sum()) + int(ours[~lit].any())
                wrong += off
                print(f"zoom {zoom}, {how}, {name}: {off} of {int(lit.sum())} lit pixels differ, counts up to {counts.max()}")
    sys.exit(1 if wrong else 0)


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
