#!/usr/bin/env python3
"""Asks datashader for the colours of counts: the table tilefire's own scales and colours are compared with.

    pip install 'datashader==0.19.1' 'colorcet==3.2.1' 'numba==0.68.1' 'numpy==2.4.6' 'pandas==3.1.1' 'xarray==2026.9.0'
    python scripts/datashader_table.py > tests/data/datashader.json

{"cmaps": {NAME: [COLOUR...]}, "cases": [CASE...]}, a line for each. A case is one call of
datashader.transfer_functions.shade on uint32 counts, and has
    how     log, linear, cbrt or eq_hist
    cmap    a name in cmaps, a list of colours, or one colour: alpha from 40 to 255 (datashader's min_alpha and alpha)
    span    null (datashader's own: the least to the greatest count) or [lo, hi]
    counts  the different counts, ascending
    pixels  how many pixels have each count (eq_hist), or null (each is one pixel: it makes no difference)
    rgba    the colour of each count, 8 hexadecimal digits
Many counts are chosen to fall on or next to a whole value of a channel, where the last bit of a float64 decides.

On a CPU with AVX-512 numpy takes log1p and power from a library of its own, whose last bit may differ from that of
the C library. That is switched off here, so that the table does not depend on the CPU. Two colours depend on the C
library: its log1p(2) may be the float64 nearest to log 3 or, as in glibc 2.36, which made the table, the one below.
"""

import json
import os

os.environ["NPY_DISABLE_CPU_FEATURES"] = "X86_V4 AVX512_ICL AVX512_SPR"  # read when numpy is imported

import colorcet
import numpy as np
import xarray as xr
from datashader import colors
from datashader.transfer_functions import shade

PALETTES = {"fire": colorcet.fire, "inferno": colors.inferno, "viridis": colors.viridis}
CMAPS = {name: ["#%02x%02x%02x" % colors.rgb(c) for c in palette] for name, palette in PALETTES.items()}
GREY = ["#000000", "#ffffff"]
TWO = ["#add8e6", "#00008b"]
THREE = ["#0b0405", "#e2007a", "#fffef1"]
FIVE = ["#000000", "#1d4e89", "#00b2ca", "#f7c59f", "#ffffff"]
NINE = ["#010203", "#2b0f54", "#6f1d81", "#b5367a", "#f1605d", "#feaf77", "#c8fd3d", "#11e7f9", "#fefdfb"]
ALPHA, ALPHA2 = "#1e90ff", "#e2007a"
ALL = [GREY, TWO, THREE, FIVE, NINE, "fire", "inferno", "viridis", ALPHA]


def geometric(n, top):
    """At most n counts from 1 to top, each by about the same factor above the one before."""
    return sorted({round(top ** (i / (n - 1))) for i in range(n)})


def powers(top):
    """1, 2, 4, ... 2**top: every position of a logarithm is a fraction of top."""
    return [2**i for i in range(top + 1)]


FEW = [1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000, 5000, 20_000, 100_000, 300_000, 1_000_000]
HUGE = [1, 2, 9, 1000, 65_536, 1_000_001, 2**24 - 1, 2**24 + 1, 10**8, 2**31 - 1, 2**31, 3 * 10**9]
LITTLE = list(range(1, 16))
BYTE = list(range(1, 256))
CUBES = [1 + i**3 for i in range(41)]  # datashader takes the least count away before anything else
EIGHTS = list(range(1, 514, 8))
# Whole positions on the stops of 256 colours (255 parts) and of the alphas (215 parts), exact and rounded steps.
STOPS = [1 + 7 * i for i in range(0, 256, 3)]
FIFTHS = [1, 201, 401, 601, 801, 1001]
THIRDS = [1, 4, 7, 10, 13, 16, 19, 22, 25, 28, 31]


def cases():
    """(how, cmap, span, counts, pixels) of every case."""
    for how in ("log", "linear", "cbrt"):
        for counts in (LITTLE, powers(4), powers(8), FEW, FIFTHS, THIRDS):
            for cmap in ALL:
                yield how, cmap, None, counts, None
        for cmap in (GREY, NINE, "fire", ALPHA2):
            yield how, cmap, None, powers(31), None
            yield how, cmap, None, HUGE, None
            yield how, cmap, None, CUBES, None
        for cmap in (FIVE, "inferno", ALPHA):
            yield how, cmap, None, BYTE, None
            yield how, cmap, None, EIGHTS, None
            yield how, cmap, None, STOPS, None
        for span, counts in (
            ([0, 15], LITTLE),  # nothing clipped, but not from the least count
            ([2, 10], LITTLE),
            ([0, 8], LITTLE),
            ([20, 30], LITTLE),  # all below
            ([1, 4], [5, 6, 700]),  # all above
            ([3, 100], BYTE[::3]),
            ([0, 255], BYTE[::4] + [255]),
            ([0, 1000], [i**3 for i in range(1, 13)]),
            ([7, 1007], [1, 7, 8, 207, 407, 607, 807, 1006, 1007, 1008, 5000]),
            ([1, 2**16], powers(20)),
            ([0, 2**16 - 1], [2**i - 1 for i in range(1, 21)]),  # log1p of these is a multiple of log 2
            ([5, 1_000_005], FEW + [1_000_005, 2_000_000]),
            ([100, 2_500_000_000], HUGE),
            ([0, 2**32 - 1], HUGE + [2**32 - 1]),
        ):
            for cmap in (TWO, NINE, "viridis", ALPHA):
                yield how, cmap, span, counts, None
    many = list(range(1, 1001))
    wide = geometric(900, 70_000)
    for how, cmaps in (("log", ["fire", ALPHA]), ("linear", ["viridis", ALPHA2]), ("cbrt", [NINE, ALPHA])):
        yield how, cmaps[0], None, many, None
        yield how, cmaps[1], None, wide, None
        yield how, cmaps[0], [30, 20_000], wide[::2], None

    def eq_hist(cmap, counts, pixels):
        return "eq_hist", cmap, None, counts, pixels

    for cmap in ALL:
        for counts in (LITTLE, powers(3), powers(4), FIFTHS):
            yield eq_hist(cmap, counts, [1] * len(counts))
        yield eq_hist(cmap, LITTLE, [100_000 >> i for i in range(15)])
        yield eq_hist(cmap, [1, 2, 3, 4], [1, 1, 2, 4])
        yield eq_hist(cmap, powers(15) + [65_536], [65_536 >> i for i in range(17)])  # the last range counted exactly
        yield eq_hist(cmap, powers(15) + [65_537], [65_536 >> i for i in range(17)])  # the first in 65,536 bins
        yield eq_hist(cmap, FEW, [1 + 5000 // c for c in FEW])
        yield eq_hist(cmap, HUGE, [1 + c % 13 for c in HUGE])
    for cmap in (FIVE, "fire", ALPHA):
        yield eq_hist(cmap, BYTE, [1 + 20_000 // c**2 for c in BYTE])
        yield eq_hist(cmap, powers(31), [1] * 32)
        # Many counts in a bin, and in the bin of the greatest.
        yield eq_hist(cmap, [*range(1, 64), *range(999_950, 1_000_001, 5)], [1 + i * 7919 % 11 for i in range(74)])
    yield eq_hist("inferno", many, [1 + 30_000 // c for c in many])
    yield eq_hist(ALPHA, many, [1 + c * 7919 % 101 for c in many])
    yield eq_hist("fire", wide, [1 + 9000 // c for c in wide])
    yield eq_hist(ALPHA, geometric(300, 4 * 10**9), [1 + i % 5 for i in range(len(geometric(300, 4 * 10**9)))])


def colours(how, cmap, span, counts, pixels):
    """What datashader makes of the counts, which lie beside an empty pixel."""
    data = np.repeat(np.array([0, *counts], dtype=np.uint32), [1, *(pixels or [1] * len(counts))])
    agg = xr.DataArray(data[None, :], dims=("y", "x"))
    image = shade(agg, cmap=CMAPS.get(cmap, cmap) if isinstance(cmap, str) else cmap, how=how, span=span)
    rgba = image.data[0].view(np.uint8).reshape(-1, 4)
    different, first = np.unique(data, return_index=True)
    assert different.tolist() == [0, *counts] and rgba[0, 3] == 0
    return [rgba[i].tobytes().hex() for i in first[1:]]


def main():
    def line(value):
        return json.dumps(value, separators=(",", ":"))

    lines = [
        line({"how": how, "cmap": cmap, "span": span, "counts": counts, "pixels": pixels,
              "rgba": colours(how, cmap, span, counts, pixels)})
        for how, cmap, span, counts, pixels in cases()
    ]
    named = ",\n".join(f"{line(name)}:{line(colours)}" for name, colours in CMAPS.items())
    print('{"cmaps":{\n' + named + '\n},"cases":[\n' + ",\n".join(lines) + "\n]}")


if __name__ == "__main__":
    main()
