#!/usr/bin/env python3
"""Asks datashader for shaded pictures after `spread(how="add")`: the table that `--spread-on colours` is compared with.

    pip install 'datashader==0.19.1' 'colorcet==3.2.1' 'numba==0.68.1' 'numpy==2.4.6' 'pandas==3.1.1' 'xarray==2026.9.0'
    python scripts/datashader_spread.py > tests/data/datashader_spread.json

A list of cases, each a call of shade (logarithm, from 0 to the largest count) and one of spread:
    cmap    colours, or one colour: alpha from 40 to 255
    px      radius
    shape   circle or square
    counts  rows of counts, the southernmost first
    rgba    rows of colours after spread, 8 hexadecimal digits each
What numpy does otherwise on some processors is switched off, as in datashader_table.py.
"""

import json
import os

os.environ["NPY_DISABLE_CPU_FEATURES"] = "X86_V4 AVX512_ICL AVX512_SPR"  # read when numpy is imported

import colorcet
import numpy as np
import xarray as xr
from datashader import transfer_functions as tf

FIRE = ["#%02x%02x%02x" % tuple(int(c[i : i + 2], 16) for i in (1, 3, 5)) for c in colorcet.fire]
CMAPS = [FIRE, ["#add8e6", "#00008b"], "#1e90ff"]
SIDE = 22


def grid(lit, largest, seed):
    """SIDE by SIDE counts, of which that share is lit, from 1 to `largest`, small ones more often."""
    random = np.random.default_rng(seed)
    counts = np.floor(largest ** random.random((SIDE, SIDE))).astype(np.uint32)
    counts[random.random((SIDE, SIDE)) >= lit] = 0
    counts[SIDE // 2, SIDE // 2] = largest
    return counts


def case(cmap, px, shape, counts):
    image = tf.shade(xr.DataArray(counts, dims=("y", "x")), cmap=cmap, how="log", span=[0, int(counts.max())])
    rgba = tf.spread(image, px=px, shape=shape, how="add").data.view(np.uint8).reshape(SIDE, SIDE, 4)
    rows = ["".join(pixel.tobytes().hex() for pixel in row) for row in rgba]
    return {"cmap": cmap, "px": px, "shape": shape, "counts": counts.tolist(), "rgba": rows}


def main():
    cases = [
        case(cmap, px, shape, grid(lit, largest, 7 * px + n))
        for n, cmap in enumerate(CMAPS)
        for px, shape in ((1, "circle"), (1, "square"), (2, "circle"), (3, "circle"), (4, "square"))
        for lit, largest in ((0.05, 3), (0.4, 900))
    ]
    print("[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "\n]")


if __name__ == "__main__":
    main()
