#!/usr/bin/env python3
"""The job of datashader's tile tutorial: read a CSV of lon and lat, project it to Web Mercator, count, shade with a
logarithm, spread by one pixel, write tiles. Run by compare_datashader.sh, which makes the environment for it.

    datashader_tiles.py CSV OUT MAXZOOM tutorial|synchronous

`tutorial` leaves dask's scheduler as it is (a process per core), `synchronous` does everything in this process.
"""

import sys

import colorcet
import dask
import datashader as ds
import datashader.transfer_functions as tf
import pandas as pd
from datashader.tiles import render_tiles
from pyproj import Transformer

SPREAD = 1


def main(csv, out, max_zoom, scheduler):
    if scheduler == "synchronous":
        dask.config.set(scheduler="synchronous")
    df = pd.read_csv(csv, usecols=["lon", "lat"])
    to_mercator = Transformer.from_crs("EPSG:4326", "EPSG:3857", always_xy=True)
    df["x"], df["y"] = to_mercator.transform(df.lon.to_numpy(), df.lat.to_numpy())
    extent = (df.x.min(), df.y.min(), df.x.max(), df.y.max())

    def load(x_range, y_range):
        return df.loc[df.x.between(*x_range) & df.y.between(*y_range)]

    def rasterize(part, x_range, y_range, height, width):
        canvas = ds.Canvas(x_range=x_range, y_range=y_range, plot_height=height, plot_width=width)
        return canvas.points(part, "x", "y")

    def shade(counts, span=None):
        return tf.spread(tf.shade(counts, cmap=colorcet.fire, how="log"), px=SPREAD, how="add")

    def finish(image, **_):
        return image

    render_tiles(
        extent,
        range(int(max_zoom) + 1),
        load_data_func=load,
        rasterize_func=rasterize,
        shader_func=shade,
        post_render_func=finish,
        output_path=out,
    )


if __name__ == "__main__":
    if len(sys.argv) != 5 or sys.argv[4] not in ("tutorial", "synchronous"):
        sys.exit(__doc__)
    main(*sys.argv[1:])
